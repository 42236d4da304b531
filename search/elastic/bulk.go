package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/search/document"
)

// How documents are sent: so many bytes at once, so many requests side by side.
const (
	bulkBytes   = 2 << 20
	bulkAtOnce  = 2
	bulkTries   = 6
	bulkRest    = 100 * time.Millisecond // doubled with each try
	bulkVersion = "external_gte"
)

// operation is one line of a bulk with its document, if it has one.
type operation struct {
	what  string // for errors
	lines []byte
}

// write writes documents, those aside that are older than what is there.
func (x *Index) write(ctx context.Context, documents []document.Document) error {
	list := make([]operation, len(documents))
	for i := range documents {
		d := &documents[i]
		o, err := source(d, x.schema)
		if err != nil {
			return fmt.Errorf("document %s: %w", d.Key(), err)
		}
		action := object{"index": object{"_id": d.Key(), "version": d.Height, "version_type": bulkVersion}}
		if list[i], err = newOperation("document "+d.Key(), action, o); err != nil {
			return err
		}
	}
	return x.send(ctx, list)
}

func newOperation(what string, action, document object) (operation, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(action); err != nil {
		return operation{}, fmt.Errorf("%s: %w", what, err)
	}
	if document != nil {
		if err := e.Encode(document); err != nil {
			return operation{}, fmt.Errorf("%s: %w", what, err)
		}
	}
	return operation{what, b.Bytes()}, nil
}

// send sends operations to the generation that is written and waits until all of
// them are acknowledged.
func (x *Index) send(ctx context.Context, list []operation) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bulkAtOnce)
	for len(list) > 0 {
		n, size := 0, 0
		for n < len(list) && (n == 0 || size+len(list[n].lines) <= bulkBytes) {
			size += len(list[n].lines)
			n++
		}
		part := list[:n]
		list = list[n:]
		group.Go(func() error { return x.bulk(ctx, part) })
	}
	return group.Wait()
}

// bulk sends operations in one request, and again those that the server had no
// room for.
func (x *Index) bulk(ctx context.Context, list []operation) error {
	rest := bulkRest
	for try := 1; ; try++ {
		again, err := x.bulkOnce(ctx, list)
		if err != nil || len(again) == 0 {
			return err
		}
		if try == bulkTries {
			return fmt.Errorf("%d of %d operations: %w", len(again), len(list), &refusal{
				Status: http.StatusTooManyRequests, Type: "es_rejected_execution_exception", Reason: "the server is overloaded",
			})
		}
		list = again
		timer := time.NewTimer(rest)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("wait for the server: %w", context.Cause(ctx))
		}
		rest *= 2
	}
}

// bulkItem is what was done with an operation.
type bulkItem struct {
	Status int             `json:"status"`
	Error  json.RawMessage `json:"error"`
}

func (x *Index) bulkOnce(ctx context.Context, list []operation) (again []operation, err error) {
	var all bytes.Buffer
	for _, o := range list {
		all.Write(o.lines)
	}
	var answer struct {
		Errors bool                  `json:"errors"`
		Items  []map[string]bulkItem `json:"items"`
	}
	r := esapi.BulkRequest{
		Index: x.state.Index, Body: bytes.NewReader(all.Bytes()), FilterPath: []string{"errors", "items.*.status", "items.*.error"},
	}
	if err := x.client.ask(ctx, "bulk", r, &answer); err != nil {
		return nil, err
	}
	if !answer.Errors {
		return nil, nil
	}
	if len(answer.Items) != len(list) {
		return nil, fmt.Errorf("bulk: %d answers to %d operations", len(answer.Items), len(list))
	}
	var refused error // the first
	count := 0
	for i, item := range answer.Items {
		for _, done := range item {
			r := &refusal{Status: done.Status}
			r.read(done.Error)
			switch {
			case done.Status < http.StatusBadRequest:
			case done.Status == http.StatusConflict: // a newer version is there (invariant 2)
			case done.Status == http.StatusNotFound && len(done.Error) == 0: // it was deleted before
			case r.is("es_rejected_execution_exception"), done.Status == http.StatusServiceUnavailable:
				again = append(again, list[i])
			default:
				if count++; count == 1 {
					refused = fmt.Errorf("%s: %w", list[i].what, r)
				}
			}
		}
	}
	if refused != nil {
		return nil, fmt.Errorf("%d of %d operations are refused: %w", count, len(list), refused)
	}
	return again, nil
}
