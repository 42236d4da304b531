package elastic_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/searchtest"
)

func at(height uint64) *query.Checkpoint {
	return &query.Checkpoint{Chain: ledger.Hash([]byte("chain")), Height: height, Hash: ledger.Hash(fmt.Append(nil, height))}
}

// blocks are so many documents of each height.
func blocks(from, to uint64, each int) []document.Document {
	var list []document.Document
	for h := from; h <= to; h++ {
		for i := range each {
			list = append(list, document.Document{Kind: document.KindEvent, ID: fmt.Sprintf("%d.%d", h, i), Height: h, Fields: document.Values{
				document.FieldSender: fmt.Sprintf("s%d", i%7), "amount": fmt.Sprint(h), document.FieldText: "token transfer",
			}})
		}
	}
	return list
}

func apply(t testing.TB, x *elastic.Index, list []document.Document, at *query.Checkpoint) {
	t.Helper()
	if err := x.Apply(t.Context(), list, at); err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, x *elastic.Index) int {
	t.Helper()
	answer, err := x.Search(t.Context(), &query.Request{Aggregate: []query.Aggregation{{Op: query.OpCount}}})
	if err != nil {
		t.Fatal(err)
	}
	return int(*answer.Aggregates[0].Value)
}

func checkpoint(t testing.TB, x *elastic.Index) (query.Checkpoint, bool) {
	t.Helper()
	got, ok, err := x.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got, ok
}

// A bulk of which a part is refused is sent again in that part; nothing is lost.
func TestHalfFailedBulk(t *testing.T) {
	t.Parallel()
	config := configure(t)
	p := newProxy(t)
	config.Addresses = []string{p.URL}
	schema := searchtest.Schema(t)
	x := open(t, config, schema)
	p.set(func() { p.refuse = 3 })
	list := searchtest.Documents(rand.New(rand.NewPCG(1, 2)), schema, 300)
	naive := searchtest.NewNaive(schema)
	naive.Apply(list)
	apply(t, x, list, at(40))
	p.set(func() { p.refuse = 0 })
	if got := count(t, x); got != len(naive.Documents) {
		t.Errorf("%d documents, want %d", got, len(naive.Documents))
	}
	p.set(func() { p.refuse = 1 })
	if err := x.Apply(t.Context(), list[:1], at(41)); !errors.Is(err, query.ErrAway) || !strings.Contains(err.Error(), "overloaded") {
		t.Errorf("a server that takes nothing: %v", err)
	}
	p.set(func() { p.refuse = 0 })
	if got, _ := checkpoint(t, x); got != *at(40) {
		t.Errorf("the checkpoint went on to %d", got.Height)
	}
}

// Requests whose answers get lost are done again, to the same effect.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	config := configure(t)
	p := newProxy(t)
	config.Addresses = []string{p.URL}
	p.set(func() { p.cut = 3 })
	x := open(t, config, searchtest.Schema(t))
	for h := uint64(1); h <= 6; h++ {
		apply(t, x, blocks(h, h, 20), at(h))
	}
	p.set(func() { p.cut = 0 })
	if got := count(t, x); got != 6*20 {
		t.Errorf("%d documents, want %d", got, 6*20)
	}
	if got, ok := checkpoint(t, x); !ok || got != *at(6) {
		t.Errorf("checkpoint %+v, %t", got, ok)
	}
}

// A write that was cut short shows nothing of itself, and is done again by the
// next.
func TestCutShort(t *testing.T) {
	t.Parallel()
	config := configure(t)
	p := newProxy(t)
	config.Addresses = []string{p.URL}
	schema := searchtest.Schema(t)
	x := open(t, config, schema)
	apply(t, x, blocks(1, 2, 10), at(2))
	p.set(func() {
		p.fail = func(r *http.Request) bool {
			return strings.Contains(r.URL.Path, "-state/") && r.Method == http.MethodPut
		}
	})
	if err := x.Apply(t.Context(), blocks(3, 5, 10), at(5)); !errors.Is(err, query.ErrAway) {
		t.Fatalf("the checkpoint could not be written: %v", err)
	}
	if got := count(t, x); got != 20 {
		t.Errorf("%d documents are found before the checkpoint, want 20", got)
	}
	p.set(func() { p.fail = nil })
	again := connect(t, config, schema)
	if got, ok := checkpoint(t, again); !ok || got != *at(2) {
		t.Fatalf("checkpoint %+v, %t", got, ok)
	}
	if _, err := again.Search(t.Context(), &query.Request{}); !errors.Is(err, query.ErrNotReady) {
		t.Errorf("an index with more than its checkpoint says: %v", err)
	}
	apply(t, again, blocks(3, 4, 10), at(4)) // less than was cut short
	if _, err := again.Search(t.Context(), &query.Request{}); !errors.Is(err, query.ErrNotReady) {
		t.Errorf("an index of which block 5 is not certain: %v", err)
	}
	apply(t, again, blocks(5, 6, 10), at(6))
	if got := count(t, again); got != 60 {
		t.Errorf("%d documents, want 60", got)
	}
}

// An index that somebody deleted, or put another in the place of, is lost.
func TestDeletedByHand(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"deleted": false, "made again": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := configure(t)
			x := open(t, config, searchtest.Schema(t))
			apply(t, x, blocks(1, 3, 5), at(3))
			index := config.Prefix + "-v1"
			if status, text := call(t, http.MethodDelete, "/"+index, nil); status != http.StatusOK {
				t.Fatal(text)
			}
			if again {
				if status, text := call(t, http.MethodPut, "/"+index, map[string]any{}); status != http.StatusOK {
					t.Fatal(text)
				}
			} else if err := x.Apply(t.Context(), blocks(4, 4, 5), at(4)); err == nil {
				t.Error("an index that was deleted is written to")
			}
			if _, err := x.Search(t.Context(), &query.Request{}); !errors.Is(err, query.ErrNotReady) {
				t.Errorf("search in what was deleted: %v", err)
			}
			if got, ok := checkpoint(t, x); ok {
				t.Fatalf("what was deleted has checkpoint %+v", got)
			}
			if err := x.Reset(t.Context()); err != nil {
				t.Fatal(err)
			}
			apply(t, x, blocks(1, 4, 5), at(4))
			if got := count(t, x); got != 20 {
				t.Errorf("built again: %d documents, want 20", got)
			}
			if got := len(indices(t, config)); got != 2 {
				t.Errorf("%d indices are left, want one and the state", got)
			}
		})
	}
}

// An index that takes no writes is read on, and says what to do.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	config := configure(t)
	schema := searchtest.Schema(t)
	x := open(t, config, schema)
	apply(t, x, blocks(1, 2, 5), at(2))
	if err := elastic.Look(t.Context(), config, schema); err != nil {
		t.Errorf("look at a sound index: %v", err)
	}
	block := func(value any) {
		t.Helper()
		if status, text := call(t, http.MethodPut, "/"+config.Prefix+"-v1/_settings", map[string]any{"index.blocks.read_only_allow_delete": value}); status != http.StatusOK {
			t.Fatal(text)
		}
	}
	block(true)
	if err := x.Apply(t.Context(), blocks(3, 3, 5), at(3)); !errors.Is(err, query.ErrAway) || !strings.Contains(err.Error(), "free space") {
		t.Errorf("a read-only index: %v", err)
	}
	if err := elastic.Look(t.Context(), config, schema); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("look at a read-only index: %v", err)
	}
	if got, ok := checkpoint(t, x); !ok || got != *at(2) {
		t.Errorf("checkpoint %+v, %t", got, ok)
	}
	if got := count(t, x); got != 10 {
		t.Errorf("a read-only index has %d documents, want 10", got)
	}
	block(nil)
	apply(t, x, blocks(3, 3, 5), at(3))
	if got := count(t, x); got != 15 {
		t.Errorf("%d documents, want 15", got)
	}
}

// A mapping that is not Librum's refuses documents: the first is named, and the
// checkpoint stays.
func TestMappingConflict(t *testing.T) {
	t.Parallel()
	config := configure(t)
	schema := searchtest.Schema(t)
	fewer, err := document.NewSchema(nil)
	if err != nil {
		t.Fatal(err)
	}
	x := open(t, config, schema)
	apply(t, x, blocks(1, 1, 5), at(1))
	// By hand: an index of the same name and another mapping, in an alias's place.
	other := config
	other.Prefix = config.Prefix + "-other"
	t.Cleanup(func() { removeAll(t, other) })
	open(t, other, fewer)
	if err := writeInto(t, other, schema, blocks(2, 2, 5)); err == nil || !strings.Contains(err.Error(), "document event/2.0") || !strings.Contains(err.Error(), "delete the index") {
		t.Errorf("a field that the mapping does not have: %v", err)
	}
}

// writeInto writes with one schema into the generation of another.
func writeInto(t testing.TB, config elastic.Config, schema *document.Schema, list []document.Document) error {
	t.Helper()
	x := connect(t, config, schema)
	elastic.Pretend(x, config.Prefix+"-v1")
	return x.Apply(t.Context(), list, nil)
}

// A point in time that died is taken anew.
func TestPointInTimeDies(t *testing.T) {
	t.Parallel()
	config := configure(t)
	x := open(t, config, searchtest.Schema(t))
	apply(t, x, blocks(1, 2, 5), at(2))
	for _, verb := range []string{"_close", "_open"} { // which ends all that reads the index
		if status, text := call(t, http.MethodPost, "/"+config.Prefix+"-v1/"+verb+"?wait_for_active_shards=1", nil); status != http.StatusOK {
			t.Fatal(text)
		}
	}
	if got := count(t, x); got != 10 {
		t.Errorf("%d documents, want 10", got)
	}
}

// What was written in a large stretch is found by the next search, and also where
// the point in time before it has died.
func TestBurst(t *testing.T) {
	t.Parallel()
	config := configure(t)
	x := open(t, config, searchtest.Schema(t))
	apply(t, x, blocks(1, 1, 5), at(1))
	apply(t, x, blocks(2, 3, 1_500), at(3))
	if got := count(t, x); got != 3_005 {
		t.Errorf("%d documents, want 3,005", got)
	}
	apply(t, x, blocks(4, 5, 1_500), at(5))
	for _, verb := range []string{"_close", "_open"} {
		if status, text := call(t, http.MethodPost, "/"+config.Prefix+"-v1/"+verb+"?wait_for_active_shards=1", nil); status != http.StatusOK {
			t.Fatal(text)
		}
	}
	answer, err := x.Search(t.Context(), &query.Request{Aggregate: []query.Aggregation{{Op: query.OpCount}}})
	if err != nil || answer.At != *at(5) || *answer.Aggregates[0].Value != 6_005 {
		t.Errorf("after a second burst: %+v, %v", answer, err)
	}
}

// A prefix is one node's.
func TestOwner(t *testing.T) {
	t.Parallel()
	config := configure(t)
	schema := searchtest.Schema(t)
	open(t, config, schema)
	config.Node = ledger.ID{2}
	x := connect(t, config, schema)
	if _, _, err := x.Checkpoint(t.Context()); !errors.Is(err, elastic.ErrOwner) {
		t.Errorf("another node's prefix: %v", err)
	}
	if err := elastic.Look(t.Context(), config, schema); !errors.Is(err, elastic.ErrOwner) {
		t.Errorf("look at another node's prefix: %v", err)
	}
}

// Two processes of one node find each other.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	config := configure(t)
	schema := searchtest.Schema(t)
	x := open(t, config, schema)
	apply(t, x, blocks(1, 1, 1), at(1))
	y := connect(t, config, schema)
	checkpoint(t, y)
	apply(t, y, blocks(2, 2, 1), at(2))
	if err := x.Apply(t.Context(), blocks(2, 3, 1), at(3)); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second writer: %v", err)
	}
	if got, ok := checkpoint(t, x); !ok || got != *at(2) {
		t.Errorf("checkpoint %+v, %t", got, ok)
	}
}

// When fields change, the old generation answers until the new one has come as
// far; then the aliases name that.
func TestFieldsChange(t *testing.T) {
	t.Parallel()
	config := configure(t)
	fewer, err := document.NewSchema(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := func(h uint64) []document.Document {
		return []document.Document{{Kind: document.KindBlock, ID: fmt.Sprint(h), Height: h, Fields: document.Values{document.FieldSender: "x"}}}
	}
	old := open(t, config, fewer)
	apply(t, old, append(plain(1), plain(2)...), at(2))
	schema := searchtest.Schema(t)
	x := connect(t, config, schema)
	if _, ok := checkpoint(t, x); ok {
		t.Fatal("an index of other fields is believed")
	}
	request := &query.Request{Query: query.Not{Node: query.Equal{Field: "peer", Value: "p"}}, Sort: "num_examples", Limit: 5, Aggregate: []query.Aggregation{
		{Op: query.OpTerms, Field: "peer"}, {Op: query.OpSum, Field: "balance"}, {Op: query.OpCardinality, Field: "peer"}, {Op: query.OpPercentiles, Field: "loss"},
	}}
	answers := func(x *elastic.Index, height uint64, hits int) {
		t.Helper()
		answer, err := x.Search(t.Context(), request)
		if err != nil || answer.At != *at(height) || len(answer.Hits) != hits {
			t.Fatalf("want block %d and %d hits: %+v, %v", height, hits, answer, err)
		}
	}
	named := func() string {
		t.Helper()
		_, text := call(t, http.MethodGet, "/_cat/aliases/"+config.Prefix+"?h=index", nil)
		return strings.TrimSpace(text)
	}
	answers(x, 2, 2)
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	apply(t, x, nil, at(0))
	answers(x, 2, 2)
	apply(t, x, plain(1), at(1))
	answers(x, 2, 2)
	if got := named(); got != config.Prefix+"-v1" {
		t.Errorf("the alias names %s while v2 is built", got)
	}
	// It goes on where it was, should the node start again meanwhile.
	x = connect(t, config, schema)
	if got, ok := checkpoint(t, x); !ok || got != *at(1) {
		t.Fatalf("checkpoint %+v, %t", got, ok)
	}
	answers(x, 2, 2)
	apply(t, x, append(plain(2), plain(3)...), at(3))
	answers(x, 3, 3)
	if got := named(); got != config.Prefix+"-v2" {
		t.Errorf("the alias names %s, want v2", got)
	}
	if list := indices(t, config); len(list) != 2 {
		t.Errorf("indices %v are left", list)
	}
}

// Kinds have aliases of their own.
func TestAliases(t *testing.T) {
	t.Parallel()
	config := configure(t)
	x := open(t, config, searchtest.Schema(t))
	block := document.Document{Kind: document.KindBlock, ID: "1", Height: 1}
	apply(t, x, append(blocks(1, 1, 3), block), at(1))
	for alias, want := range map[string]string{"": `"count":4`, "-block": `"count":1`, "-event": `"count":3`, "-job": `"count":0`} {
		if _, text := call(t, http.MethodGet, "/"+config.Prefix+alias+"/_count", nil); !strings.Contains(text, want) {
			t.Errorf("alias %q: %s, want %s", alias, text, want)
		}
	}
}

// A beginning that too many words have is refused, not answered by some of them.
func TestTooManyWords(t *testing.T) {
	t.Parallel()
	config := configure(t)
	x := open(t, config, searchtest.Schema(t))
	var list []document.Document
	for i := range 40 {
		var text strings.Builder
		for j := range 1_000 {
			fmt.Fprintf(&text, "to ab%05d ", 1_000*i+j)
		}
		list = append(list, document.Document{Kind: document.KindEvent, ID: fmt.Sprint(i), Height: 1, Fields: document.Values{document.FieldText: text.String()}})
	}
	apply(t, x, list, at(1))
	for words, want := range map[string]int{"ab": 40, "ab00": 1, "to ab0000": 1} {
		answer, err := x.Search(t.Context(), &query.Request{Query: query.Words{Words: strings.Fields(words), Prefix: true}})
		if err != nil || answer.Total != want {
			t.Errorf("%s*: %+v, %v; want %d hits", words, answer, err, want)
		}
	}
	if answer, err := x.Search(t.Context(), &query.Request{Query: query.Words{Words: []string{"to", "ab"}, Prefix: true}}); !errors.Is(err, query.ErrRequest) {
		t.Errorf("40,000 words that begin so: %+v, %v", answer, err)
	}
}

// Cancelled searches end at once, whatever the server does.
func TestCancelled(t *testing.T) {
	t.Parallel()
	config := configure(t)
	x := open(t, config, searchtest.Schema(t))
	apply(t, x, blocks(1, 1, 1), at(1))
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if _, err := x.Search(ctx, &query.Request{Limit: 1}); !errors.Is(err, why) {
		t.Errorf("a search that was cancelled: %v", err)
	}
	if err := x.Apply(ctx, blocks(2, 2, 1), at(2)); !errors.Is(err, why) {
		t.Errorf("a write that was cancelled: %v", err)
	}
}
