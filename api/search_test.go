package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// settle waits until all that is final now can be searched.
func (f *fixture) settle(t *testing.T) {
	t.Helper()
	if err := f.Nodes[0].Search.Await(t.Context(), f.Nodes[0].Status().Final); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) found(t *testing.T, query string) v1.SearchAnswer {
	t.Helper()
	a, err := f.client.Search(t.Context(), &v1.SearchRequest{Query: query, Aggregations: []v1.SearchAggregation{{Op: "count"}, {Op: "terms", Field: "sender"}}})
	if err != nil {
		t.Fatalf("search %s: %v", query, err)
	}
	return a
}

// A reader finds and counts what the other routes show it, and nothing else.
func TestSearchRespectsTheReader(t *testing.T) {
	t.Parallel()
	f := start(t, options{peers: 1})
	if _, err := f.client.Submit(t.Context(), f.transfer(t, 7), client.Final); err != nil {
		t.Fatal(err)
	}
	f.settle(t)
	id := f.secrets.ID(localnet.KindAccount, 0).String()
	sender, receiver := f.as(t, localnet.KindAccount, 0), f.as(t, localnet.KindAccount, 1)
	for _, query := range []string{"kind:transaction", "kind:event amount:7", "sender:" + id, "transfer", `"token transfer ok"`, "kind:account owner:" + id, "kind:transaction OR (NOT kind:block)"} {
		if a := sender.found(t, query); a.Total == 0 || *a.Aggregations[0].Value != float64(a.Total) || len(a.Hits) != a.Total {
			t.Errorf("its sender, %s: %+v", query, a)
		}
	}
	for _, query := range []string{"kind:transaction", "kind:event", "sender:" + id, "transfer", "kind:account owner:" + id, "NOT kind:block AND NOT owner:" + f.secrets.ID(localnet.KindAccount, 1).String()} {
		a := receiver.found(t, query)
		if a.Total != 0 || len(a.Hits) != 0 || *a.Aggregations[0].Value != 0 || len(a.Aggregations[1].Buckets) != 0 {
			t.Errorf("another, %s: %+v", query, a)
		}
	}
	blocks := receiver.found(t, "kind:block")
	if blocks.Total == 0 || blocks.Indexed.Height == 0 || blocks.Hits[0].Fields["hash"] != f.Nodes[0].Status().FinalHash.String() && blocks.Indexed.Height == f.Nodes[0].Status().Final {
		t.Errorf("blocks %+v", blocks)
	}
	hit := sender.found(t, "kind:event amount:7").Hits[0]
	status, _, b := sender.ask(t, "GET", hit.Proof, "", nil)
	if status != 200 {
		t.Errorf("the proof %s: %d %s", hit.Proof, status, b)
	}
	if hit.Fields["amount"] != "7" {
		t.Errorf("amount %v", hit.Fields["amount"])
	}
}

func TestSearchSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	f.settle(t)
	for _, r := range []v1.SearchRequest{
		{Query: "height:many"},
		{Sort: "roles"},
		{Cursor: "x"},
		{Aggregations: []v1.SearchAggregation{{Op: "sum", Field: "kind"}}},
		{Aggregations: []v1.SearchAggregation{{Op: "date_histogram", Field: "time", Interval: "1y"}}},
	} {
		_, err := f.client.Search(t.Context(), &r)
		refused(t, "a wrong search", "bad_query", err)
	}
	fields, err := f.client.SearchFields(t.Context())
	if err != nil || len(fields.Fields) < 20 {
		t.Errorf("fields %+v, %v", fields, err)
	}
	config, err := f.Door(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	config.Search = nil
	other := *f
	other.url = f.serve(t, config)
	_, err = other.withToken(t, f.token).client.Search(t.Context(), &v1.SearchRequest{})
	refused(t, "a node without an index", "no_index", err)
}

// TestIndexAway starts a node where its index cannot be: everything but searches
// is served, and these are once the index can be opened.
func TestIndexAway(t *testing.T) {
	t.Parallel()
	var hindrance string
	f := start(t, options{prepare: func(d localnet.Dir) error {
		hindrance = filepath.Dir(fullnode.Dir(d.Node(0)).Search())
		return os.WriteFile(hindrance, nil, 0o600) // where a folder has to be
	}})
	search := func() (int, http.Header, []byte) {
		return f.ask(t, http.MethodPost, "/v1/search", "application/json", []byte(`{"query":"kind:block"}`))
	}
	ready := func() string {
		status, _, body := f.ask(t, http.MethodGet, "/readyz", "", nil)
		if status != http.StatusOK {
			t.Fatalf("/readyz: %d %s", status, body)
		}
		return string(body)
	}
	for !strings.Contains(ready(), `"search":"the index does not follow`) { // until it was tried
	}
	status, header, body := search()
	if p := problem(t, status, header, body); p.Code() != "index_away" || status != http.StatusServiceUnavailable ||
		!strings.Contains(p.Detail, syscall.ENOTDIR.Error()) || strings.Contains(string(body), string(f.Dir)) || header.Get("Retry-After") == "" {
		t.Errorf("a search: %d, %s", status, body)
	}
	if text := string(f.metrics(t)); !strings.Contains(text, "librum_search_failing 1\n") {
		t.Error("the metrics do not tell")
	}
	if err := os.Remove(hindrance); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for status != http.StatusOK {
		<-ticker.C
		if status, _, body = search(); status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("a search: %d, %s", status, body)
		}
	}
	if text := string(f.metrics(t)); !strings.Contains(text, "librum_search_failing 0\n") || ready() != "{\"status\":\"ok\"}\n" {
		t.Errorf("after that readyz says %s", ready())
	}
}
