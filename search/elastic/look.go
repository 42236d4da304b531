package elastic

import (
	"context"
	"errors"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/librum/librum/search/document"
)

// ErrNew tells that there is nothing under the prefix yet; the first start makes
// it.
var ErrNew = errors.New("there is no index yet")

// Look asks the server whether it answers, and whether the index under the prefix
// can be read, written and is this node's. It changes nothing.
func Look(ctx context.Context, config Config, schema *document.Schema) error {
	x, err := New(config, schema)
	if err != nil {
		return err
	}
	defer x.client.closeIdle()
	var health struct {
		Status string `json:"status"`
	}
	if err := x.client.ask(ctx, "ask for the cluster's health", esapi.ClusterHealthRequest{}, &health); err != nil {
		return err
	}
	s, v, err := x.read(ctx)
	switch {
	case err != nil:
		return err
	case v.Term == 0:
		return ErrNew
	case health.Status == "red":
		return errors.New("the cluster is red: some of its shards are nowhere to be found")
	}
	return x.readOnly(ctx, s.Index)
}

// readOnly says whether an index takes no writes.
func (x *Index) readOnly(ctx context.Context, index string) error {
	var answer map[string]struct {
		Settings map[string]any `json:"settings"`
	}
	flat := true
	r := esapi.IndicesGetRequest{Index: []string{index}, Features: "settings", FlatSettings: &flat}
	err := x.client.ask(ctx, "read the settings", r, &answer)
	if isMissing(err) {
		return ErrNew // deleted by hand: it is made again
	}
	if err != nil {
		return err
	}
	for _, block := range []string{"read_only", "read_only_allow_delete", "write"} {
		if answer[index].Settings["index.blocks."+block] == "true" {
			return fmt.Errorf("the index %s is read-only (index.blocks.%s): free space on its disks, then set it to null", index, block)
		}
	}
	return nil
}
