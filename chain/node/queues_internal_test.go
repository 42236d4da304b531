package node

import (
	"context"
	"reflect"
	"strings"
	"testing"
)

// TestQueuesAreAll compares what is shown with the queues that there are: one
// that is added to the pipeline must be seen.
func TestQueuesAreAll(t *testing.T) {
	t.Parallel()
	p := newPipeline(7)
	p.door <- admitted{}
	shown := map[string]Queue{}
	for _, q := range (&Node{pipeline: p, link: localLink{}}).Queues() {
		shown[strings.ReplaceAll(q.Name, "_", "")] = q
	}
	queues := 0
	all := reflect.ValueOf(p).Elem()
	for i := range all.NumField() {
		field := all.Field(i)
		if field.Kind() != reflect.Chan {
			continue
		}
		queues++
		name := strings.ToLower(all.Type().Field(i).Name)
		if q, ok := shown[name]; !ok || q.Length != field.Len() || q.Bound != field.Cap() || q.Bound == 0 {
			t.Errorf("queue %s holds %d of %d, shown is %+v, %t", name, field.Len(), field.Cap(), q, ok)
		}
	}
	if queues != len(shown) || shown["door"].Length != 1 || shown["door"].Bound != 7 {
		t.Errorf("%d queues, shown are %+v", queues, shown)
	}
}

// TestReadersPassOver wants no reading for who has gone: the node has no store.
func TestReadersPassOver(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if a := new(Node).readPull(t.Context(), pullRequest{height: 1, gone: gone.Done()}); a.header != nil || a.busy {
		t.Errorf("who has gone is told %+v", a)
	}
}
