package integration_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/indexer"
	"github.com/librum/librum/search/query"
)

// TestElasticsearchFails indexes a node's blocks in Elasticsearch while that is
// killed in the middle of bulks, stopped, read-only and robbed of its index. The
// chain goes on; in the end every document stands there that SQLite has.
func TestElasticsearchFails(t *testing.T) {
	address := addresses(t, "LIBRUM_TEST_ELASTICSEARCH")[0]
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	n, pay := startPayingNode(ctx, t)
	config := elastic.Config{
		Addresses: []string{address}, Prefix: "librum-test-" + strings.ToLower(rand.Text()), Node: ledger.ID{1}, Timeout: 5 * time.Second,
	}
	index, err := elastic.New(config, n.Search.Schema())
	if err != nil {
		t.Fatal(err)
	}
	here := n.Search.Config
	here.Index, here.Look = index, time.Second
	x := indexer.New(here)
	group, running := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(running)
	group.Go(func() error { return x.Run(running) })
	defer func() {
		stop()
		if err := errors.Join(group.Wait(), index.Close()); err != nil {
			t.Error(err)
		}
		erase(t, address, config.Prefix)
	}()

	server := server("elasticsearch")
	same := func(what string) {
		t.Helper()
		began := time.Now()
		sameDocuments(ctx, t, n.Search, x)
		t.Logf("%s: SQLite's documents stand in Elasticsearch %s later", what, time.Since(began).Round(100*time.Millisecond))
	}
	pay(20)
	same("at first")

	for i := range 2 { // in the middle of bulks: payments go on
		paying, _ := errgroup.WithContext(ctx)
		before := x.Status().Documents
		paying.Go(func() error { pay(200); return nil })
		until(ctx, t, "documents to be written", func() bool { return x.Status().Documents > before+50 })
		server.kill(t)
		if err := paying.Wait(); err != nil {
			t.Fatal(err)
		}
		pay(20)
		until(ctx, t, "the indexer to say that it waits", func() bool { return x.Status().Err != nil })
		if err := x.Status().Err; !errors.Is(err, query.ErrAway) {
			t.Errorf("without Elasticsearch the indexer says %v", err)
		}
		if status := x.Status(); status.Height >= n.Status().Final {
			t.Errorf("no lag shows: block %d of %d", status.Height, n.Status().Final)
		}
		server.run(t)
		same(fmt.Sprintf("killed for the %d. time", i+1))
	}

	server.pause(t)
	searching, giveUp := context.WithTimeout(ctx, 500*time.Millisecond)
	if _, err := x.Search(searching, &query.Request{Limit: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a search of a server that says nothing: %v", err)
	}
	giveUp()
	pay(20)
	server.resume(t)
	same("stopped")

	call(ctx, t, http.MethodPut, address+"/"+config.Prefix+"/_settings", `{"index.blocks.read_only_allow_delete":true}`)
	pay(20)
	until(ctx, t, "the indexer to say that the index is read-only", func() bool {
		err := x.Status().Err
		return err != nil && strings.Contains(err.Error(), "read-only")
	})
	call(ctx, t, http.MethodPut, address+"/"+config.Prefix+"/_settings", `{"index.blocks.read_only_allow_delete":null}`)
	same("read-only")

	// Deleted by hand, and no block comes.
	rebuilds := x.Status().Rebuilds
	call(ctx, t, http.MethodDelete, address+"/"+nameOf(ctx, t, address, config.Prefix), "")
	until(ctx, t, "the index to be built again", func() bool { return x.Status().Rebuilds > rebuilds })
	same("deleted by hand")
}

// startPayingNode starts a node with an embedded index, and returns what submits
// so many transfers and waits until they are final.
func startPayingNode(ctx context.Context, t *testing.T) (*fullnode.Node, func(transfers int)) {
	t.Helper()
	dir, secrets := localnet.Dir(t.TempDir()), localnet.SecretsFromSeed(7)
	if err := localnet.Create(dir, secrets, localnet.Spec{Nodes: 1, Accounts: 4, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	network, err := localnet.Open(ctx, dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- network.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-done, network.Close()); err != nil {
			t.Error(err)
		}
	})
	n := network.Nodes[0]
	return n, func(transfers int) {
		for i := range transfers {
			from, to := i%4, (i+1)%4
			key := secrets.Key(localnet.KindAccount, from)
			caller := identity.Caller{Chain: network.Chain, Sender: secrets.ID(localnet.KindAccount, from), Key: key, Random: rand.Reader}
			args := &token.Transfer{To: secrets.ID(localnet.KindAccount, to), Amount: ledger.NewAmount(1)}
			b, err := caller.Call(token.Name, token.MethodTransfer, args, time.Now().Add(time.Minute).UnixMilli())
			if err == nil {
				_, err = n.SubmitFinal(ctx, [][]byte{b})
			}
			if err != nil {
				t.Errorf("transfer %d: %v", i, err)
				return
			}
		}
	}
}

// sameDocuments waits until the second index has come as far as the first, and
// compares all that they hold.
func sameDocuments(ctx context.Context, t *testing.T, a, b *indexer.Indexer) {
	t.Helper()
	height := a.Status().Final
	for _, x := range []*indexer.Indexer{a, b} {
		if err := x.Await(ctx, height); err != nil {
			t.Fatal(err)
		}
	}
	request := &query.Request{
		Query: query.Range{Field: document.FieldHeight, To: int64(height)}, Sort: document.FieldID, Ascending: true, Limit: query.MaxHits,
		Aggregate: []query.Aggregation{{Op: query.OpTerms, Field: document.FieldKind, Within: []query.Aggregation{
			{Op: query.OpSum, Field: "amount"}, {Op: query.OpCardinality, Field: document.FieldSender}, {Op: query.OpPercentiles, Field: "size"},
		}}},
	}
	for page := 1; ; page++ {
		want, err := a.Search(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		var got *query.Answer
		until(ctx, t, "Elasticsearch to answer", func() bool { // it may be starting
			got, err = b.Search(ctx, request)
			return err == nil
		})
		for i := range min(len(got.Hits), len(want.Hits)) {
			if !reflect.DeepEqual(got.Hits[i], want.Hits[i]) {
				t.Fatalf("hit %d of page %d is %+v\nwant %+v", i, page, got.Hits[i], want.Hits[i])
			}
		}
		if len(got.Hits) != len(want.Hits) || got.Total != want.Total {
			t.Fatalf("page %d: %d hits of %d, want %d of %d", page, len(got.Hits), got.Total, len(want.Hits), want.Total)
		}
		if page == 1 && !reflect.DeepEqual(got.Aggregates, want.Aggregates) {
			t.Fatalf("aggregates %+v\nwant %+v", got.Aggregates, want.Aggregates)
		}
		if request.Cursor = want.Next; want.Next == "" {
			return
		}
		request.Aggregate = nil
	}
}

// until asks until it is so.
func until(ctx context.Context, t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("wait for %s: %v", what, ctx.Err())
		}
	}
}

// call asks Elasticsearch as an administrator would.
func call(ctx context.Context, t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	answer, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %d %s", method, url, answer.StatusCode, text)
	}
	return string(text)
}

// nameOf is the index behind the alias.
func nameOf(ctx context.Context, t *testing.T, address, prefix string) string {
	t.Helper()
	return strings.TrimSpace(call(ctx, t, http.MethodGet, address+"/_cat/aliases/"+prefix+"?h=index", ""))
}

// erase removes what stands under a prefix.
func erase(t *testing.T, address, prefix string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for name := range strings.FieldsSeq(call(ctx, t, http.MethodGet, address+"/_cat/indices/"+prefix+"-*?h=index", "")) {
		call(ctx, t, http.MethodDelete, address+"/"+name, "")
	}
	for _, name := range []string{prefix, prefix + "-state"} {
		call(ctx, t, http.MethodDelete, address+"/_index_template/"+name, "")
	}
}
