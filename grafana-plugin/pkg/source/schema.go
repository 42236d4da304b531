package source

import (
	"context"
	"sync"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
)

// schemaLife is how long a list of fields is believed; a node that was upgraded
// has others.
const schemaLife = time.Minute

// schema remembers which fields the node's documents have.
type schema struct {
	mutex  sync.Mutex
	fields *fieldList
	until  time.Time
}

// fieldList is the node's fields in its order, and by name.
type fieldList struct {
	list   []v1.SearchField
	byName map[string]v1.SearchField
}

func newFieldList(list []v1.SearchField) *fieldList {
	l := &fieldList{list: list, byName: map[string]v1.SearchField{}}
	for _, f := range list {
		l.byName[f.Name] = f
	}
	return l
}

// of returns the fields, asking the node where the list is old. Two that ask at
// once both may.
func (s *schema) of(ctx context.Context, c *client.Client) (*fieldList, error) {
	s.mutex.Lock()
	fields, fresh := s.fields, time.Now().Before(s.until)
	s.mutex.Unlock()
	if fields != nil && fresh {
		return fields, nil
	}
	answer, err := c.SearchFields(ctx)
	if err != nil {
		return nil, err
	}
	fields = newFieldList(answer.Fields)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.fields, s.until = fields, time.Now().Add(schemaLife)
	return fields, nil
}
