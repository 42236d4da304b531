package elastic

import (
	"context"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/librum/librum/search/document"
)

// pruneStep is how many documents are taken out in one go; Elasticsearch gives
// no more at once.
const pruneStep = 10_000

// Prune takes out documents of what happened at one height, and at a lower one
// than the given.
func (x *Index) Prune(ctx context.Context, below uint64) error {
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	if x.state.At == nil {
		return nil
	}
	x.whole = false
	at := *x.state.At
	at.Lowest = max(at.Lowest, below)
	if err := x.advance(ctx, at); err != nil {
		return fmt.Errorf("prune below block %d: %w", below, err)
	}
	for {
		n, err := x.pruneSome(ctx, below)
		if err != nil {
			return fmt.Errorf("prune below block %d: %w", below, err)
		}
		if n < pruneStep {
			break
		}
	}
	if x.until > at.Height {
		return nil
	}
	x.whole = true
	if x.state.Old != nil {
		return nil
	}
	return x.open(ctx, x.state.Index, at)
}

func (x *Index) pruneSome(ctx context.Context, below uint64) (int, error) {
	b, err := body(object{
		"size": pruneStep, "_source": false, "track_total_hits": false, "sort": []string{"_doc"},
		"query": object{"bool": object{
			"filter":   object{"range": object{document.FieldHeight: object{"lt": below}}},
			"must_not": object{"terms": object{document.FieldKind: document.Lasting()}},
		}},
	})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			} `json:"hits"`
		} `json:"hits"`
	}
	partial := false
	r := esapi.SearchRequest{Index: []string{x.state.Index}, Body: b, AllowPartialSearchResults: &partial}
	if err := x.client.ask(ctx, "look for old documents", r, &answer); err != nil {
		return 0, err
	}
	hits := answer.Hits.Hits
	if len(hits) == 0 {
		return 0, nil
	}
	list := make([]operation, len(hits))
	for i, h := range hits {
		if list[i], err = newOperation("delete "+h.ID, object{"delete": object{"_id": h.ID}}, nil); err != nil {
			return 0, err
		}
	}
	if err := x.send(ctx, list); err != nil {
		return 0, err
	}
	return len(hits), x.refresh(ctx, x.state.Index)
}
