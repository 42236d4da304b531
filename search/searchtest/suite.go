package searchtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
)

// Index is what every back end is.
type Index interface {
	Checkpoint(ctx context.Context) (query.Checkpoint, bool, error)
	Reset(ctx context.Context) error
	Apply(ctx context.Context, documents []document.Document, at *query.Checkpoint) error
	Prune(ctx context.Context, below uint64) error
	Search(ctx context.Context, r *query.Request) (*query.Answer, error)
}

// Schema is that of Librum.
func Schema(t testing.TB) *document.Schema {
	t.Helper()
	s, err := document.NewSchema(document.Contracts())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Run runs the suite; open returns an empty index.
func Run(t *testing.T, open func(t *testing.T, schema *document.Schema) Index) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, x Index, schema *document.Schema)
	}{
		{"finds what a naive index finds", testFinds},
		{"pages through all hits", testPages},
		{"aggregates as a naive index does", testAggregates},
		{"keeps the newest version", testVersions},
		{"knows its checkpoint", testCheckpoint},
		{"prunes what happened and keeps what stands", testPrune},
		{"counts no further than it says", testTotal},
		{"orders the greatest numbers and what has none", testExtremes},
		{"takes whatever the language allows", testDepth},
		{"ends when it is told to", testCancel},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			schema := Schema(t)
			c.run(t, open(t, schema), schema)
		})
	}
}

func source() *rand.Rand { return rand.New(rand.NewPCG(7, 11)) } //nolint:gosec // the same texts in every run

func at(height uint64) *query.Checkpoint {
	return &query.Checkpoint{Chain: ledger.Hash([]byte("chain")), Height: height, Hash: ledger.Hash(fmt.Append(nil, height))}
}

// filled applies n documents in some batches, to a naive index too.
func filled(t *testing.T, x Index, schema *document.Schema, r *rand.Rand, n int) *Naive {
	t.Helper()
	naive := NewNaive(schema)
	for i := range 4 {
		list := Documents(r, schema, n/4)
		naive.Apply(list)
		if err := x.Apply(t.Context(), list, at(uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	return naive
}

func search(t *testing.T, x Index, r *query.Request) *query.Answer {
	t.Helper()
	answer, err := x.Search(t.Context(), r)
	if err != nil {
		t.Fatalf("search %s: %v", query.String(r.Filter()), err)
	}
	return answer
}

func testFinds(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	r := source()
	naive := filled(t, x, schema, r, 200)
	someHits := 0
	for range 120 {
		request := &query.Request{Query: Tree(r, schema, 3), Limit: 50, Ascending: r.IntN(2) == 0}
		if r.IntN(3) == 0 {
			request.Sees = query.In{Field: document.FieldOwner, Values: []string{"k01", "k02", "k03", hostile[0]}}
		}
		if fields := schema.Fields(); r.IntN(2) == 0 {
			if f := fields[r.IntN(len(fields))]; !f.Many && f.Type != document.Text {
				request.Sort = f.Name
			}
		}
		want, err := naive.Search(request)
		if err != nil {
			t.Fatal(err)
		}
		got := search(t, x, request)
		if got.Total != want.Total || got.More != want.More || !sameDocuments(got.Hits, want.Hits) {
			t.Fatalf("%s by %q: %d hits %v\nwant %d %v", query.String(request.Query), request.Sort, got.Total, keys(got.Hits), want.Total, keys(want.Hits))
		}
		if want.Total > 0 && want.Total < len(naive.Documents) {
			someHits++
		}
	}
	if someHits < 40 {
		t.Fatalf("only %d of the questions tell documents apart", someHits)
	}
}

func sameDocuments(a, b []document.Document) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

func keys(list []document.Document) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = list[i].Key()
	}
	return out
}

func testPages(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	r := source()
	naive := filled(t, x, schema, r, 200)
	for _, field := range []string{"", document.FieldTime, "balance", document.FieldSender, document.FieldPublic} {
		for _, ascending := range []bool{false, true} {
			all, err := naive.Search(&query.Request{Sort: field, Ascending: ascending, Limit: query.MaxHits})
			if err != nil {
				t.Fatal(err)
			}
			request := &query.Request{Sort: field, Ascending: ascending, Limit: 17}
			if got := pages(t, x, request, request.Limit); !sameDocuments(got, all.Hits) {
				t.Errorf("by %q, ascending %t: pages give %d documents, want the %d there are", field, ascending, len(got), len(all.Hits))
			}
			request.Cursor = search(t, x, request).Next
			request.Query = query.Equal{Field: document.FieldSender, Value: "another"}
			if _, err := x.Search(t.Context(), request); !errors.Is(err, query.ErrRequest) {
				t.Errorf("the cursor of another search: %v", err)
			}
		}
	}
}

func testAggregates(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	r := source()
	naive := filled(t, x, schema, r, 200)
	var flat []query.Aggregation
	for _, f := range []string{document.FieldRound, "balance", "accuracy", document.FieldTime} {
		for _, op := range []query.Op{query.OpCount, query.OpSum, query.OpMin, query.OpMax, query.OpAvg, query.OpPercentiles} {
			flat = append(flat, query.Aggregation{Op: op, Field: f})
		}
	}
	inner := []query.Aggregation{
		{Op: query.OpAvg, Field: "accuracy"},
		{Op: query.OpPercentiles, Field: document.FieldRound, Percents: []float64{0.1, 50, 99.9, 100}},
		{Op: query.OpTerms, Field: document.FieldSender, Size: 3, Within: []query.Aggregation{{Op: query.OpSum, Field: "balance"}, {Op: query.OpCardinality, Field: "roles"}}},
	}
	cases := [][]query.Aggregation{
		flat[:12], flat[12:],
		{{Op: query.OpCount}, {Op: query.OpCount, Field: "roles"}, {Op: query.OpCardinality, Field: "roles"}, {Op: query.OpCardinality, Field: document.FieldSender}},
		{{Op: query.OpTerms, Field: document.FieldKind, Within: inner}},
		{{Op: query.OpTerms, Field: "roles", Size: 5, Within: inner}, {Op: query.OpTerms, Field: document.FieldRound, Size: 1000}},
		{{Op: query.OpHistogram, Field: document.FieldTime, Interval: 20 * time.Minute, Within: inner}},
	}
	for _, list := range cases {
		for range 3 {
			request := &query.Request{Query: Tree(r, schema, 1), Aggregate: list}
			want, err := naive.Search(request)
			if err != nil {
				t.Fatal(err)
			}
			if got := search(t, x, request); !sameAggregates(got.Aggregates, want.Aggregates) {
				t.Errorf("%s: aggregates\n%+v\nwant\n%+v", query.String(request.Query), got.Aggregates, want.Aggregates)
			}
		}
	}
	if _, err := x.Search(t.Context(), &query.Request{Aggregate: []query.Aggregation{{Op: query.OpSum, Field: document.FieldSender}}}); !errors.Is(err, query.ErrRequest) {
		t.Errorf("a sum of keywords: %v", err)
	}
}

func sameAggregates(a, b []query.Aggregate) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i].Value == nil) != (b[i].Value == nil) || a[i].Value != nil && !near(*a[i].Value, *b[i].Value) ||
			len(a[i].Values) != len(b[i].Values) || len(a[i].Buckets) != len(b[i].Buckets) {
			return false
		}
		for j, v := range a[i].Values {
			if w := b[i].Values[j]; v.Percent != w.Percent || !near(v.Value, w.Value) {
				return false
			}
		}
		for j, p := range a[i].Buckets {
			q := b[i].Buckets[j]
			if p.Text != q.Text || p.Number != q.Number || p.Count != q.Count || !sameAggregates(p.Within, q.Within) {
				return false
			}
		}
	}
	return true
}

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*math.Max(math.Abs(a), math.Abs(b))
}

func testVersions(t *testing.T, x Index, _ *document.Schema) {
	t.Helper()
	version := func(height uint64, text, sender string) document.Document {
		return document.Document{Kind: document.KindAccount, ID: "one", Height: height, Fields: document.Values{
			document.FieldText: text, document.FieldSender: sender, "roles": []string{sender},
		}}
	}
	apply := func(d document.Document) {
		t.Helper()
		if err := x.Apply(t.Context(), []document.Document{d}, at(9)); err != nil {
			t.Fatal(err)
		}
	}
	apply(version(5, "five", "eve"))
	apply(version(4, "four", "adam")) // comes late
	total := func(n query.Node) int { return search(t, x, &query.Request{Query: n, Limit: 1}).Total }
	for _, c := range []struct {
		n    query.Node
		want int
	}{
		{query.Words{Words: []string{"five"}}, 1},
		{query.Words{Words: []string{"four"}}, 0},
		{query.Equal{Field: "roles", Value: "eve"}, 1},
		{query.Equal{Field: document.FieldSender, Value: "adam"}, 0},
		{query.All{}, 1},
	} {
		if got := total(c.n); got != c.want {
			t.Errorf("after versions 5 and 4, %s: %d hits, want %d", query.String(c.n), got, c.want)
		}
	}
	apply(version(6, "six", ""))
	for text, want := range map[string]int{"five": 0, "six": 1} {
		if got := total(query.Words{Words: []string{text}}); got != want {
			t.Errorf("after version 6: %d hits for %s, want %d", got, text, want)
		}
	}
	if got := total(query.Equal{Field: "roles", Value: "eve"}); got != 0 {
		t.Errorf("a list of an old version is still found")
	}
}

func testCheckpoint(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	if _, ok, err := x.Checkpoint(t.Context()); err != nil || ok {
		t.Fatalf("an empty index has a checkpoint: %t, %v", ok, err)
	}
	if _, err := x.Search(t.Context(), &query.Request{Limit: 1}); !errors.Is(err, query.ErrNotReady) {
		t.Errorf("search in an index that is being built: %v", err)
	}
	list := Documents(source(), schema, 10)
	if err := x.Apply(t.Context(), list, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := x.Checkpoint(t.Context()); err != nil || ok {
		t.Fatalf("half a base has a checkpoint: %t, %v", ok, err)
	}
	if err := x.Apply(t.Context(), nil, at(3)); err != nil {
		t.Fatal(err)
	}
	got, ok, err := x.Checkpoint(t.Context())
	if err != nil || !ok || got != *at(3) {
		t.Fatalf("checkpoint %+v, %t, %v", got, ok, err)
	}
	if answer := search(t, x, &query.Request{Limit: 1}); answer.At != got || answer.Total == 0 {
		t.Errorf("the answer says %+v and %d hits", answer.At, answer.Total)
	}
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := x.Checkpoint(t.Context()); err != nil || ok {
		t.Fatalf("after Reset there is a checkpoint: %t, %v", ok, err)
	}
	if err := x.Apply(t.Context(), nil, at(1)); err != nil {
		t.Fatal(err)
	}
	if answer := search(t, x, &query.Request{Limit: 1}); answer.Total != 0 {
		t.Errorf("after Reset %d documents are found", answer.Total)
	}
}

func testPrune(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	naive := filled(t, x, schema, source(), 200)
	const below = 20
	if err := x.Prune(t.Context(), below); err != nil {
		t.Fatal(err)
	}
	lasting := map[document.Kind]bool{}
	for _, k := range document.Lasting() {
		lasting[k] = true
	}
	for key, d := range naive.Documents {
		if d.Height < below && !lasting[d.Kind] {
			delete(naive.Documents, key)
		}
	}
	for _, n := range []query.Node{query.All{}, query.Words{Words: []string{"model"}}, query.Exists{Field: "roles"}} {
		request := &query.Request{Query: n, Limit: query.MaxHits}
		want, err := naive.Search(request)
		if err != nil {
			t.Fatal(err)
		}
		if got := search(t, x, request); !sameDocuments(got.Hits, want.Hits) || got.At.Lowest != below {
			t.Errorf("%s: %d hits from height %d on, want %d from %d on", query.String(n), len(got.Hits), got.At.Lowest, len(want.Hits), below)
		}
	}
}

func testTotal(t *testing.T, x Index, _ *document.Schema) {
	t.Helper()
	list := make([]document.Document, query.MaxTotal+2)
	for i := range list {
		list[i] = document.Document{Kind: document.KindBlock, ID: fmt.Sprint(i), Height: uint64(i), Fields: document.Values{}}
	}
	if err := x.Apply(t.Context(), list, at(1)); err != nil {
		t.Fatal(err)
	}
	got := search(t, x, &query.Request{Limit: 1, Aggregate: []query.Aggregation{{Op: query.OpCount}}})
	if got.Total != query.MaxTotal || !got.More || *got.Aggregates[0].Value != float64(len(list)) {
		t.Errorf("total %d, more %t, count %v; want %d, true, %d", got.Total, got.More, *got.Aggregates[0].Value, query.MaxTotal, len(list))
	}
}

// testExtremes pages through numbers of which some are the greatest there are,
// beside documents without one.
func testExtremes(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	naive := NewNaive(schema)
	numbers := []any{nil, int64(math.MaxInt64), int64(math.MinInt64), int64(0), int64(math.MaxInt64 - 1), int64(math.MinInt64 + 1)}
	var list []document.Document
	for i := range 30 {
		d := document.Document{Kind: document.Kinds()[i%2], ID: fmt.Sprint(i * 7 % 30), Height: uint64(i), Fields: document.Values{}}
		if n := numbers[i%len(numbers)]; n != nil {
			d.Fields[document.FieldRound], d.Fields["accuracy"] = n, []float64{0, math.MaxFloat64, -math.MaxFloat64, 1e-300}[i%4]
		}
		list = append(list, d)
	}
	naive.Apply(list)
	if err := x.Apply(t.Context(), list, at(30)); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{document.FieldRound, "accuracy"} {
		for _, limit := range []int{1, 4, 7} {
			for _, ascending := range []bool{false, true} {
				request := &query.Request{Sort: field, Ascending: ascending, Limit: query.MaxHits}
				all, err := naive.Search(request)
				if err != nil {
					t.Fatal(err)
				}
				if got := pages(t, x, request, limit); !sameDocuments(got, all.Hits) {
					t.Errorf("by %s, ascending %t, %d at once: %v\nwant %v", field, ascending, limit, keys(got), keys(all.Hits))
				}
			}
		}
	}
	if got := search(t, x, &query.Request{Query: query.Equal{Field: document.FieldRound, Value: int64(math.MaxInt64)}}).Total; got != 5 {
		t.Errorf("%d documents have the greatest number, want 5", got)
	}
}

// pages reads all hits, so many at once.
func pages(t *testing.T, x Index, r *query.Request, limit int) (got []document.Document) {
	t.Helper()
	request := *r
	request.Limit = limit
	for range 1_000 {
		answer := search(t, x, &request)
		got = append(got, answer.Hits...)
		if answer.Next == "" {
			break
		}
		request.Cursor = answer.Next
	}
	return got
}

// testDepth asks what is as deep and as long as the language allows.
func testDepth(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	naive := filled(t, x, schema, source(), 100)
	deep := "round:3"
	for i := range query.MaxDepth {
		deep = "(height>" + fmt.Sprint(i%5) + " OR sender:k0* AND " + deep + ")"
	}
	var long strings.Builder
	for i := range query.MaxTerms {
		fmt.Fprintf(&long, "height:%d OR ", i)
	}
	for _, text := range []string{deep, strings.Repeat("NOT ", query.MaxDepth) + "sender:k01", strings.TrimSuffix(long.String(), " OR ")} {
		tree, err := query.Parse(text, schema)
		if err != nil {
			t.Fatal(err)
		}
		for _, sees := range []query.Node{query.In{Field: document.FieldOwner}, nil} {
			request := &query.Request{Query: tree, Sees: sees, Limit: 50}
			want, err := naive.Search(request)
			if err != nil {
				t.Fatal(err)
			}
			if got := search(t, x, request); got.Total != want.Total || !sameDocuments(got.Hits, want.Hits) {
				t.Errorf("%.60s…: %d hits, want %d", text, got.Total, want.Total)
			}
		}
	}
}

func testCancel(t *testing.T, x Index, schema *document.Schema) {
	t.Helper()
	filled(t, x, schema, source(), 40)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Search(ctx, &query.Request{Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a search whose context has ended: %v", err)
	}
}
