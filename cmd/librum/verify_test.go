package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// stopped is a network's directory whose stores were filled without running
// it, so that the test says which node has and signed what.
type stopped struct {
	signer string // whose key signs for the member; empty for its own
	testing.TB

	dir     localnet.Dir
	secrets localnet.Secrets
	genesis *ledger.Genesis
	chain   ledger.Digest
	keys    []*identity.Key // in the order of the directories
	job     ledger.Digest
}

func newStopped(t *testing.T) *stopped {
	t.Helper()
	s := &stopped{TB: t, dir: localnet.Dir(t.TempDir()), secrets: localnet.SecretsFromSeed(5)}
	if err := localnet.Create(s.dir, s.secrets, localnet.Spec{Nodes: 4, Peers: 2, Time: time.UnixMilli(1_700_000_000_000)}); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.genesis, s.chain, err = s.dir.LoadGenesis(); err != nil {
		t.Fatal(err)
	}
	for i := range s.genesis.Group.Nodes {
		key, err := localnet.LoadKey(s.dir.Key(i))
		if err != nil {
			t.Fatal(err)
		}
		s.keys = append(s.keys, key)
	}
	s.job = fl.JobID(s.secrets.ID(localnet.KindMember, 0), []byte("job"))
	return s
}

// act returns a transaction of the member.
func (s *stopped) act(method string, args any) []byte {
	s.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		s.Fatal(err)
	}
	key := s.secrets.Key(first(s.signer, localnet.KindMember), 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: s.chain, Shard: s.genesis.Shard, Sender: s.secrets.ID(localnet.KindMember, 0),
		Contract: fl.Name, Method: method, Args: b, Nonce: [16]byte{byte(len(method))}, Expiry: s.genesis.Time + 60_000,
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		s.Fatal(err)
	}
	return e.Bytes()
}

func (s *stopped) create(key string) []byte {
	s.Helper()
	return s.act(fl.MethodCreateJob, &fl.CreateJob{Key: []byte(key), Spec: digitsJob(2, 1, 1)})
}

func (s *stopped) cancel() []byte {
	s.Helper()
	return s.act(fl.MethodCancelJob, &fl.CancelJob{Job: s.job})
}

// block is a block of one transaction, and how many nodes signed it.
type block struct {
	transaction []byte
	signers     int
}

// fill makes the store of a node.
func (s *stopped) fill(index int, blocks ...block) {
	s.Helper()
	ctx := context.Background()
	blobs, err := file.Open(ctx, vfs.Default, s.dir.Blobs(index), file.Options{})
	if err != nil {
		s.Fatal(err)
	}
	if err := blobs.Close(); err != nil {
		s.Fatal(err)
	}
	self := s.secrets.ID(localnet.KindNode, index)
	db, err := pebble.Open(s.dir.Store(index), pebble.Options{Chain: s.chain, Shard: s.genesis.Shard, Node: self})
	if err != nil {
		s.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			s.Error(err)
		}
	}()
	config := node.Config{
		Self: self, Key: s.keys[index], Genesis: s.genesis, Chain: s.chain, Contracts: fullnode.Contracts(), Verify: identity.Verify,
	}.WithDefaults()
	if err := node.InitStore(ctx, config, ledger.ID{1}, db); err != nil {
		s.Fatal(err)
	}
	core, err := node.NewCore(ctx, config, ledger.ID{1}, db)
	if err != nil {
		s.Fatal(err)
	}
	for i, b := range blocks {
		height := uint64(i) + 1
		s.step(core, 2*uint64(i), ledger.Record{Kind: ledger.RecordTransactions, Transactions: [][]byte{b.transaction}})
		commit := s.step(core, 2*uint64(i)+1, ledger.Record{Kind: ledger.RecordMarker, Height: height})
		if commit == nil {
			s.Fatalf("the marker cut no block %d", height)
		}
		s.store(core, db, commit, b.signers)
	}
}

// step executes a record of the first node's.
func (s *stopped) step(core *node.Core, offset uint64, r ledger.Record) *store.Commit {
	s.Helper()
	r.Version, r.Chain, r.Shard, r.Node = ledger.Version, s.chain, s.genesis.Shard, s.secrets.ID(localnet.KindNode, 0)
	r.Epoch, r.Time = s.genesis.Group.Epoch, s.genesis.Time+int64(offset)+1
	e, err := r.Sign(s.keys[0].ID(), s.keys[0].Sign)
	if err != nil {
		s.Fatal(err)
	}
	done, err := core.Step(s.Context(), order.Entry{Offset: offset, Bytes: e.Bytes()})
	if err != nil {
		s.Fatal(err)
	}
	if done.Executed.Skipped != nil {
		s.Fatalf("record %d was skipped: %s", offset, done.Executed.Reason)
	}
	for _, result := range done.Executed.Results {
		if result.Code != ledger.CodeOK {
			s.Fatalf("record %d: %s, %v", offset, result.Code, done.Executed.Details)
		}
	}
	return done.Commit
}

func (s *stopped) store(core *node.Core, db store.Store, commit *store.Commit, signers int) {
	s.Helper()
	if err := db.Apply(context.Background(), commit); err != nil {
		s.Fatal(err)
	}
	core.Applied(commit.Height)
	if err := core.Machine.Applied(commit.Height); err != nil {
		s.Fatal(err)
	}
	for i, key := range s.keys[:signers] {
		sig := ledger.SignHeader(commit.Height, commit.Header, s.secrets.ID(localnet.KindNode, i), key.ID(), key.Sign)
		if err := db.PutSignature(s.Context(), sig); err != nil {
			s.Fatal(err)
		}
	}
}

// verify verifies the directory and returns what was printed.
func (s *stopped) verify(jobs ...ledger.Digest) (verifyResult, string) {
	s.Helper()
	var out bytes.Buffer
	result, err := verifyDir(context.Background(), s.dir, verify.Anchors{}, jobs, &out)
	if err != nil {
		s.Fatal(err)
	}
	if result.OK != (result.Verdict == verify.Right) {
		s.Errorf("ok %t, verdict %s", result.OK, result.Verdict)
	}
	return result, out.String()
}

// TestVerifyJobIgnoresBlocksWithoutQuorum has one node with a block above the
// others' that no quorum signed, in which the job is cancelled.
func TestVerifyJobIgnoresBlocksWithoutQuorum(t *testing.T) {
	t.Parallel()
	s := newStopped(t)
	created := block{s.create("job"), 4}
	s.fill(0, created, block{s.cancel(), 1})
	s.fill(1, created)
	result, text := s.verify(s.job)
	if result.Verdict != verify.Right || !strings.Contains(text, "state waiting") || strings.Contains(text, "state cancelled") {
		t.Errorf("%s, %v:\n%s", result.Verdict, result.First, text)
	}
	if want := "node-0: blocks above height 1, up to 2, have no quorum"; !strings.Contains(text, want) {
		t.Errorf("the text does not say %q:\n%s", want, text)
	}
	s = newStopped(t) // the same, signed by a quorum: that it could be seen
	s.fill(0, created, block{s.cancel(), 3})
	s.fill(1, created)
	result, text = s.verify(s.job)
	if result.Verdict != verify.Right || !strings.Contains(text, "state cancelled") {
		t.Errorf("%s, %v:\n%s", result.Verdict, result.First, text)
	}
	if want := "node-1: final up to height 1, others up to 2"; !strings.Contains(text, want) {
		t.Errorf("the text does not say %q:\n%s", want, text)
	}
}

// TestVerifyTellsWhoSigned has a job created by a key that a node holds for the
// member, and cancelled by the member's own.
func TestVerifyTellsWhoSigned(t *testing.T) {
	t.Parallel()
	s := newStopped(t)
	s.signer = localnet.KindDelegate
	created := s.create("job")
	s.signer = ""
	s.fill(0, block{created, 4}, block{s.cancel(), 4})
	result, text := s.verify()
	if result.Verdict != verify.Right || result.Checked.Transactions != 2 || result.Checked.Delegated != 1 || len(result.Delegated) != 1 {
		t.Fatalf("%s, %v, %+v, %+v", result.Verdict, result.First, result.Checked, result.Delegated)
	}
	d := result.Delegated[0]
	if d.Member != s.secrets.ID(localnet.KindMember, 0) || d.Node != s.secrets.ID(localnet.KindNode, 0) || d.Call != "fl.CreateJob" || d.Height != 1 {
		t.Errorf("%+v", d)
	}
	if !strings.Contains(text, "delegated: transaction "+d.ID.Short()) || strings.Contains(text, "more") {
		t.Errorf("the text does not say it:\n%s", text)
	}
}

// TestVerifyComparesNodes has nodes that are right each by itself, and hold two
// histories.
func TestVerifyComparesNodes(t *testing.T) {
	t.Parallel()
	for signers, final := range map[int]string{3: "final", 1: "without a quorum"} {
		s := newStopped(t)
		first := block{s.create("job"), 4}
		s.fill(0, first, block{s.cancel(), 3})
		s.fill(1, first)
		s.fill(2, first, block{s.create("another"), signers})
		result, text := s.verify()
		if result.Verdict != verify.Wrong || result.First == nil || result.First.Kind != "fork" || result.First.Where != "header 2" ||
			!strings.Contains(result.First.Message, final+": two histories") {
			t.Errorf("%d signers: %s, %v, want fork at header 2, %s:\n%s", signers, result.Verdict, result.First, final, text)
		}
	}
}

// TestVerifyReportsTheWorst has a node whose chain is incomplete before those
// whose chains are wrong: the verdict and the first finding are of the latter.
func TestVerifyReportsTheWorst(t *testing.T) {
	t.Parallel()
	s := newStopped(t)
	s.fill(0, block{s.create("job"), 1})
	s.fill(1, block{s.create("job"), 4})
	if result, text := s.verify(); result.Verdict != verify.Incomplete || result.First == nil || result.First.Kind != "missing" {
		t.Errorf("no quorum: %s, %v:\n%s", result.Verdict, result.First, text)
	}
	s.fill(2, block{s.create("another"), 4})
	if result, text := s.verify(); result.Verdict != verify.Wrong || result.First == nil || result.First.Kind != "fork" {
		t.Errorf("no quorum, and a fork: %s, %v:\n%s", result.Verdict, result.First, text)
	}
}

func TestWorsen(t *testing.T) {
	t.Parallel()
	missing, first, second := &verify.Finding{Kind: "missing"}, &verify.Finding{Kind: "state"}, &verify.Finding{Kind: "index"}
	r := verifyResult{OK: true, Verdict: verify.Right}
	for i, step := range []struct {
		verdict verify.Verdict
		found   *verify.Finding
		want    string
	}{
		{verify.Incomplete, missing, "incomplete missing"},
		{verify.Wrong, first, "wrong state"},
		{verify.Incomplete, nil, "wrong state"}, // a job whose updates are gone, after one that is wrong
		{verify.Wrong, second, "wrong state"},
	} {
		r.worsen(step.verdict, step.found)
		if got := fmt.Sprint(r.Verdict, " ", r.First.Kind); got != step.want || r.OK {
			t.Errorf("after finding %d: %s, ok %t, want %s", i, got, r.OK, step.want)
		}
	}
}
