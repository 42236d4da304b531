package coordinator_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
)

func TestReceiptsRefuse(t *testing.T) {
	t.Parallel()
	f := attended(t, 4, 4, 2)
	id := contracttest.ID(contracttest.Peer(0))
	s := f.services[0]
	model, err := f.model()
	if err != nil {
		t.Fatal(err)
	}
	digest, size := ledger.Hash(model), uint64(len(model))
	if _, err := s.Receipts(t.Context(), id, f.id, 1, digest, size); !errors.Is(err, coordinator.ErrNotAsked) {
		t.Errorf("before the round is open: %v, want %v", err, coordinator.ErrNotAsked)
	}
	if err := f.open(t.Context()); err != nil { // puts the model at node 0
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		peer   ledger.ID
		job    ledger.Digest
		round  uint64
		digest ledger.Digest
		size   uint64
		want   error
	}{
		{"a blob that is not there", id, f.id, 1, ledger.Digest{7}, size, coordinator.ErrUnavailable},
		{"a byte too few", id, f.id, 1, digest, size - 1, coordinator.ErrUnavailable},
		{"a byte too many", id, f.id, 1, digest, size + 1, coordinator.ErrUnavailable},
		{"a peer that is not asked", ledger.ID{1}, f.id, 1, digest, size, coordinator.ErrNotAsked},
		{"another round", id, f.id, 2, digest, size, coordinator.ErrNotAsked},
		{"another job", id, ledger.Digest{1}, 1, digest, size, coordinator.ErrNotAsked},
	} {
		receipts, err := s.Receipts(t.Context(), c.peer, c.job, c.round, c.digest, c.size)
		if !errors.Is(err, c.want) || receipts != nil {
			t.Errorf("%s: %d receipts, error %v, want %v", c.name, len(receipts), err, c.want)
		}
	}
	if err := f.must(contracttest.Peer(0), fl.MethodDeclineUpdate, &fl.DeclineUpdate{Job: f.id, Round: 1, Attempt: 1, Reason: fl.DeclinedPolicy}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Receipts(t.Context(), id, f.id, 1, digest, size); !errors.Is(err, coordinator.ErrNotAsked) {
		t.Errorf("once the peer has declined: %v, want %v", err, coordinator.ErrNotAsked)
	}
}

// TestReceiptsAreAccepted has the contract judge what the nodes signed, for
// groups of one and more organisations.
func TestReceiptsAreAccepted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ nodes, organisations, receipts int }{{1, 1, 1}, {3, 1, 1}, {2, 2, 2}, {4, 2, 2}, {4, 4, 2}} {
		f := attended(t, c.nodes, c.organisations, 1)
		if err := f.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		task, err := f.services[0].TaskNow(t.Context(), contracttest.ID(contracttest.Peer(0)))
		if err != nil || task == nil {
			t.Fatalf("task %+v, error %v", task, err)
		}
		receipts, err := f.services[0].Receipts(t.Context(), contracttest.ID(contracttest.Peer(0)), f.id, 1, task.Model, task.ModelSize)
		if err != nil || len(receipts) != c.receipts {
			t.Errorf("%d nodes of %d organisations: %d receipts, error %v, want %d", c.nodes, c.organisations, len(receipts), err, c.receipts)
			continue
		}
		err = f.must(contracttest.Peer(0), fl.MethodSubmitUpdate, &fl.SubmitUpdate{
			Job: f.id, Round: 1, Attempt: 1, Digest: task.Model, Size: task.ModelSize, NumExamples: 1, Receipts: receipts,
		})
		if err != nil {
			t.Errorf("%d nodes of %d organisations: %v", c.nodes, c.organisations, err)
		}
		// The second node vouches only for what it holds.
		holders := 0
		for i := range c.nodes {
			if _, ok, err := f.blobs[i].Has(t.Context(), task.Model); err != nil {
				t.Fatal(err)
			} else if ok {
				holders++
			}
		}
		if holders != c.receipts {
			t.Errorf("%d nodes of %d organisations: %d hold the update, want %d", c.nodes, c.organisations, holders, c.receipts)
		}
	}
}

// TestReceiptsGoRoundNodesThatAreAway takes nodes out of the mesh.
func TestReceiptsGoRoundNodesThatAreAway(t *testing.T) {
	t.Parallel()
	f := attended(t, 3, 3, 1)
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := contracttest.ID(contracttest.Peer(0))
	task, err := f.services[0].TaskNow(t.Context(), id)
	if err != nil || task == nil {
		t.Fatalf("task %+v, error %v", task, err)
	}
	f.mesh.Leave(contracttest.ID(contracttest.Node(1)))
	receipts, err := f.services[0].Receipts(t.Context(), id, f.id, 1, task.Model, task.ModelSize)
	if err != nil || len(receipts) != 2 {
		t.Fatalf("%d receipts, error %v, want two", len(receipts), err)
	}
	if r, _, err := ledger.ParseReceipt(receipts[1]); err != nil || r.Node != contracttest.ID(contracttest.Node(2)) {
		t.Errorf("the second receipt is %+v, error %v, want node 2's", r, err)
	}
	f.mesh.Leave(contracttest.ID(contracttest.Node(2)))
	receipts, err = f.services[0].Receipts(t.Context(), id, f.id, 1, task.Model, task.ModelSize)
	if err == nil || receipts != nil || !strings.Contains(err.Error(), "another organisation: there is no other node") {
		t.Errorf("nobody else is there: %d receipts, error %v", len(receipts), err)
	}
}

// TestCopiesAreBounded uploads file after file without ever submitting one.
func TestCopiesAreBounded(t *testing.T) {
	t.Parallel()
	f := attended(t, 2, 2, 1)
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := contracttest.ID(contracttest.Peer(0))
	vouch := func(i int) (ledger.Digest, error) {
		content := []byte{byte(i)}
		digest, _, err := f.blobs[0].Put(t.Context(), bytes.NewReader(content), 1)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.services[0].Receipts(t.Context(), id, f.id, 1, digest, 1)
		return digest, err
	}
	for i := range 4 {
		if _, err := vouch(i); err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
	}
	fifth, err := vouch(4)
	if !errors.Is(err, coordinator.ErrTooMany) {
		t.Errorf("the fifth file: %v, want %v", err, coordinator.ErrTooMany)
	}
	if _, ok, err := f.blobs[1].Has(t.Context(), fifth); ok || err != nil {
		t.Errorf("the other node has the fifth file: %t, error %v", ok, err)
	}
	if _, err := vouch(2); err != nil {
		t.Errorf("one of those before, again: %v", err)
	}
}

// TestCopiesAreCountedByWhoAsks has a node ask for all that may be copied for a
// peer: another node's request is served all the same.
func TestCopiesAreCountedByWhoAsks(t *testing.T) {
	t.Parallel()
	f := attended(t, 3, 3, 1)
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	vouch := func(node int, content []byte) error {
		digest, _, err := f.blobs[node].Put(t.Context(), bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.services[node].Receipts(t.Context(), contracttest.ID(contracttest.Peer(0)), f.id, 1, digest, uint64(len(content)))
		return err
	}
	f.mesh.Leave(contracttest.ID(contracttest.Node(2))) // node 0 asks node 1
	for i := range 4 {
		if err := vouch(0, []byte{byte(i)}); err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
	}
	if err := vouch(0, []byte{4}); !errors.Is(err, coordinator.ErrTooMany) {
		t.Errorf("the fifth file: %v, want %v", err, coordinator.ErrTooMany)
	}
	f.mesh.Join(f.services[2])
	f.mesh.Leave(contracttest.ID(contracttest.Node(0))) // node 2 asks node 1
	if err := vouch(2, []byte{5}); err != nil {
		t.Errorf("the first file of another node: %v", err)
	}
}

// TestNoUpdateIsThatLarge wants a receipt for a file larger than any update.
func TestNoUpdateIsThatLarge(t *testing.T) {
	t.Parallel()
	f := attended(t, 2, 2, 1)
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := make([]byte, 2<<20) // the header alone may have 1 MiB
	digest, _, err := f.blobs[0].Put(t.Context(), bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.services[0].Receipts(t.Context(), contracttest.ID(contracttest.Peer(0)), f.id, 1, digest, uint64(len(file)))
	if !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("a file of 2 MiB for a model of some KiB: %v, want %v", err, blob.ErrTooLarge)
	}
	if _, ok, err := f.blobs[1].Has(t.Context(), digest); ok || err != nil {
		t.Errorf("the other node has the file: %t, error %v", ok, err)
	}
}

// stuck is a mesh in which one node takes requests and answers none.
type stuck struct {
	coordinator.Mesh
	node  ledger.ID
	asked chan struct{}
}

func (m stuck) Join(s *coordinator.Service) coordinator.Link { return stuckLink{m.Mesh.Join(s), m} }

type stuckLink struct {
	coordinator.Link
	stuck stuck
}

func (l stuckLink) Hold(ctx context.Context, of ledger.ID, u coordinator.Upload) ([]byte, error) {
	if of != l.stuck.node {
		return l.Link.Hold(ctx, of, u)
	}
	l.stuck.asked <- struct{}{}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestStuckNodeHoldsUpFew has the node that is asked first never answer: while
// one request waits for it, the next ones go to another.
func TestStuckNodeHoldsUpFew(t *testing.T) {
	t.Parallel()
	f := attended(t, 3, 3, 1)
	asked := make(chan struct{}, 2)
	f.meshes = []coordinator.Mesh{stuck{f.mesh, contracttest.ID(contracttest.Node(1)), asked}, f.mesh, f.mesh}
	f.restart()
	for _, s := range f.services {
		_ = s.Stepper(f.id)
	}
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	model, err := f.model()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 2)
	vouch := func() {
		receipts, err := f.services[0].Receipts(ctx, contracttest.ID(contracttest.Peer(0)), f.id, 1, ledger.Hash(model), uint64(len(model)))
		if err == nil && len(receipts) != 2 {
			err = errors.New("want two receipts")
		}
		ended <- err
	}
	var calls sync.WaitGroup
	calls.Go(vouch)
	<-asked
	calls.Go(vouch)
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("the second request: %v", err)
		}
	case <-asked:
		t.Error("the second request waits for the same node")
	}
	cancel()
	calls.Wait()
}
