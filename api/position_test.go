package api_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/localnet"
)

// balance asks for an account's balance with a query.
func (f *fixture) balance(t *testing.T, account ledger.ID, query string) string {
	t.Helper()
	status, header, b := f.ask(t, http.MethodGet, "/v1/accounts/"+account.String()+query, "", nil)
	if status != http.StatusOK {
		t.Fatalf("%s: status %d, %s", query, status, b)
	}
	var a v1.Account
	decode(t, b, &a)
	if header.Get(v1.PositionHeader) == "" {
		t.Error("no position")
	}
	return a.Balance.String()
}

// What was written through one node is seen through another: at its position,
// or by asking the log.
func TestReadsAtAPosition(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	second := f.at(t, f.serveNode(t, 1), localnet.KindAccount, 0)
	self := f.secrets.ID(localnet.KindAccount, 0)
	for i := range 20 {
		tx, err := f.client.Submit(t.Context(), f.transfer(t, 1), client.Executed)
		if err != nil {
			t.Fatal(err)
		}
		query := "?consistency=linearizable"
		switch i % 3 {
		case 1:
			query = "?after=" + tx.Position
		case 2: // the header of an answer of the first node
			_, header, _ := f.ask(t, http.MethodGet, "/v1/transactions/"+tx.ID.String(), "", nil)
			query = "?after=" + header.Get(v1.PositionHeader)
		}
		if got, want := second.balance(t, self, query), fmt.Sprintf("999999999999999999%03d", 999-i); got != want {
			t.Fatalf("%s after %d transfers: %s, want %s", query, i+1, got, want)
		}
	}
	end, err := f.Nodes[0].LogEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"after=x", "after=-1", "after=1.x", "after=1&after=2", "after=" + strconv.FormatUint(end+1_000, 10), "after=99999999999999999999",
		"after=9223372036854775807", "consistency=strong", "consistency=", "after=",
	} {
		status, header, b := f.ask(t, http.MethodGet, "/v1/status?"+query, "", nil)
		if p := problem(t, status, header, b); p.Code() != "invalid" || len(p.Errors) != 1 {
			t.Errorf("%s: %s", query, b)
		}
	}
	status, header, b := f.ask(t, http.MethodPost, "/v1/transactions?after=0", "application/cose", f.transfer(t, 1))
	if p := problem(t, status, header, b); p.Code() != "invalid" {
		t.Errorf("a write after a position: %s", b)
	}
}

// A node that lags is waited for, and only for a while.
func TestReadsWaitForALaggingNode(t *testing.T) {
	t.Parallel()
	f := start(t, options{limits: api.Limits{Wait: 300 * time.Millisecond, Reads: 1}})
	f.halt() // the nodes stand still; what is on the log beyond is executed by none
	before, err := f.Nodes[0].LogEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	offset, err := f.Log().Append(t.Context(), []byte("a record of a stranger"))
	if err != nil || offset != before {
		t.Fatalf("offset %d, want %d, %v", offset, before, err)
	}
	status, header, b := f.ask(t, http.MethodGet, "/v1/status?consistency=linearizable", "", nil)
	if p := problem(t, status, header, b); p.Code() != "wait_timeout" && p.Code() != "stopped" {
		t.Errorf("a node that stands still: %s", b)
	}
}

// at returns the fixture at another node, with a token of a member there.
func (f *fixture) at(t *testing.T, url, kind string, index int) *fixture {
	t.Helper()
	other := *f
	other.url = url
	return other.withToken(t, f.bearer(t, url, kind, index, false).Secret)
}

// A hundred requests with one Idempotency-Key, through two nodes at once, make
// one job and have one answer.
func TestIdempotencyUnderConcurrency(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	const kind, index = localnet.KindAccount, 0
	nodes := []*fixture{f.withToken(t, f.delegate(t, kind, index, nil).Secret)}
	other := *f
	other.url = f.serveNode(t, 1)
	nodes = append(nodes, other.withToken(t, other.delegate(t, kind, index, nil).Secret))
	jobs := make([]v1.Job, 100)
	group, ctx := errgroup.WithContext(t.Context())
	for i := range jobs {
		group.Go(func() (err error) {
			jobs[i], err = nodes[i%2].client.CreateJob(ctx, smallSpec(2, 1), "one key")
			for client.IsCode(err, "busy") { // the member's quarter of the window; try again
				jobs[i], err = nodes[i%2].client.CreateJob(ctx, smallSpec(2, 1), "one key")
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	want := fl.JobID(f.secrets.ID(kind, index), []byte("one key"))
	for i := range jobs {
		if jobs[i].ID != want || jobs[i].Created != jobs[0].Created || string(jobs[i].Spec) != string(jobs[0].Spec) {
			t.Fatalf("job %d is %+v, want %s like %+v", i, jobs[i], want, jobs[0])
		}
	}
	list, err := nodes[1].client.Jobs(t.Context(), client.Page{})
	if err != nil || len(list.Jobs) != 1 {
		t.Errorf("jobs %+v, %v", list, err)
	}
	for _, n := range nodes {
		if _, err := n.client.CreateJob(t.Context(), smallSpec(2, 3), "one key"); !client.IsCode(err, "idempotency_key_reused") {
			t.Errorf("another body under the same key: %v", err)
		}
	}
}
