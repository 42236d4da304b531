package verify_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const start = 1_700_000_000_000

// chain is a stored chain of a few blocks.
type chain struct {
	*aplostest.Chain
	store  store.Store
	blocks uint64
	topic  ledger.ID
	offset uint64
	config node.Config
	core   *node.Core
}

// empty makes a chain of four nodes without blocks.
func empty(t testing.TB, accounts int, blockTransactions uint32) *chain {
	t.Helper()
	return emptyOn(t, vfs.NewMem(), accounts, blockTransactions)
}

func emptyOn(t testing.TB, fs vfs.FS, accounts int, blockTransactions uint32) *chain {
	t.Helper()
	c := &chain{topic: ledger.ID{7}, Chain: aplostest.New(t, 4, accounts, start, func(g *ledger.Genesis) {
		g.Limits.BlockTransactions = blockTransactions
		if accounts > 0 {
			g.Members[0].Roles = []string{identity.RoleMember, identity.RoleOfficer}
		}
	})}
	s, err := pebble.Open("store", pebble.Options{FS: fs, Chain: c.ID, Node: aplostest.NodeID(0), CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c.store = s
	c.config = node.Config{
		Self: aplostest.NodeID(0), Key: aplostest.NodeKey(0), Genesis: c.Genesis, Chain: c.ID,
		Contracts: aplostest.Contracts(), Verify: identity.Verify,
	}.WithDefaults()
	if err := node.InitStore(t.Context(), c.config, c.topic, s); err != nil {
		t.Fatal(err)
	}
	if c.core, err = node.NewCore(t.Context(), c.config, c.topic, s); err != nil {
		t.Fatal(err)
	}
	return c
}

// build makes a chain that has all there is in one: records of each kind,
// skipped ones, transactions that are refused and malformed.
func build(t testing.TB) *chain {
	t.Helper()
	c := empty(t, 3, 3)
	const expiry = start + 60_000
	forged := c.Transfer(0, 1, 1, 99, expiry)
	forged[len(forged)-1] ^= 1
	c.add(t, c.Record(0, ledger.Record{Kind: ledger.RecordClock, Time: start + 1}))
	c.add(t, c.Record(1, ledger.Record{Kind: ledger.RecordWake, Time: start + 2}))
	c.add(t, []byte("no record"))
	c.transactions(t, 2, c.Transfer(0, 1, 1, 1, expiry), []byte("no transaction"), forged)
	c.transactions(t, 3, c.Transfer(1, 2, 5, 2, expiry), c.Transfer(1, 2, 2*aplostest.Balance, 3, expiry))
	c.add(t, c.SignRecord(ledger.Record{Version: ledger.Version, Kind: ledger.RecordClock, Node: aplostest.Stranger(0)}, aplostest.NodeKey(0)))
	c.add(t, c.Record(0, ledger.Record{Kind: ledger.RecordMarker, Time: start + 10, Height: 2}))
	c.transactions(t, 1, c.Transfer(2, 2, 7, 4, expiry), c.Transfer(2, 0, 7, 5, expiry), c.Transfer(2, 0, 7, 5, expiry))
	if c.blocks != 3 {
		t.Fatalf("%d blocks, want 3", c.blocks)
	}
	return c
}

func (c *chain) transactions(t testing.TB, by int, raw ...[]byte) {
	t.Helper()
	c.add(t, c.Record(by, ledger.Record{Kind: ledger.RecordTransactions, Time: start + 1 + int64(c.offset), Transactions: raw}))
}

// add executes a record, stores the block it closes and lets all nodes sign.
func (c *chain) add(t testing.TB, raw []byte) {
	t.Helper()
	step, err := c.core.Step(t.Context(), order.Entry{Offset: c.offset, Bytes: raw})
	if err != nil {
		t.Fatal(err)
	}
	c.offset++
	if step.Commit == nil {
		return
	}
	if err := c.store.Apply(context.Background(), step.Commit); err != nil {
		t.Fatal(err)
	}
	c.core.Applied(step.Commit.Height)
	if err := c.core.Machine.Applied(step.Commit.Height); err != nil {
		t.Fatal(err)
	}
	c.blocks = step.Commit.Height
	for i := range 4 {
		key := aplostest.NodeKey(i)
		sig := ledger.SignHeader(c.blocks, step.Commit.Header, aplostest.NodeID(i), key.ID(), key.Sign)
		if err := c.store.PutSignature(t.Context(), sig); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *chain) input(s store.Store) verify.Input {
	return verify.Input{Store: s, Genesis: c.File, Contracts: aplostest.Contracts(), Verify: identity.Verify}
}

// remembered is a verification that checks each signature once: the tests here
// verify the same chain thousands of times.
func remembered() ledger.VerifyFunc {
	var known sync.Map
	return func(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
		type question struct {
			key       ledger.PublicKey
			message   ledger.Digest
			signature [ledger.SignatureSize]byte
		}
		q := question{key, sha256.Sum256(message), signature}
		if answer, ok := known.Load(q); ok {
			return answer.(bool)
		}
		answer := identity.Verify(key, message, signature)
		known.Store(q, answer)
		return answer
	}
}

func run(t testing.TB, in verify.Input) verify.Report {
	t.Helper()
	report, _, err := verify.Chain(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if (report.Verdict == verify.Right) != (report.First == nil) {
		t.Fatalf("verdict %s with first finding %v", report.Verdict, report.First)
	}
	return report
}

func TestRight(t *testing.T) {
	t.Parallel()
	c := build(t)
	in := c.input(c.store)
	var progress []uint64
	in.Progress = func(height, stored uint64) {
		if stored != c.blocks {
			t.Errorf("progress of %d blocks, want %d", stored, c.blocks)
		}
		progress = append(progress, height)
	}
	report, state, err := verify.Chain(t.Context(), in)
	if err != nil || report.Verdict != verify.Right {
		t.Fatalf("%+v, first %v, error %v", report, report.First, err)
	}
	if report.Height != 3 || report.Stored != 3 || report.Checked.Blocks != 3 || report.Checked.Transactions != 8 ||
		report.Genesis != c.ID || report.Anchored || report.Checked.Signatures < 12 {
		t.Errorf("%+v", report)
	}
	if len(progress) != 3 || progress[2] != 3 {
		t.Errorf("progress %v", progress)
	}
	header, err := c.store.Header(t.Context(), 3)
	if err != nil || ledger.Hash(header) != report.Head {
		t.Errorf("head %s, %v", report.Head, err)
	}
	rows, err := state.Scan("", "", 1000)
	if err != nil || len(rows) < 10 {
		t.Errorf("state of %d rows, %v", len(rows), err)
	}
	stored, err := c.store.Scan(t.Context(), 3, nil, nil, 1000)
	if err != nil || len(stored) != len(rows) {
		t.Errorf("%d rows are stored, execution gives %d, %v", len(stored), len(rows), err)
	}
}

func TestAnchors(t *testing.T) {
	t.Parallel()
	c := build(t)
	var heads []ledger.Digest
	for h := uint64(1); h <= c.blocks; h++ {
		header, err := c.store.Header(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, ledger.Hash(header))
	}
	for _, tt := range []struct {
		name    string
		anchors verify.Anchors
		where   string // of the finding; empty: right
	}{
		{"genesis", verify.Anchors{Genesis: c.ID}, ""},
		{"another genesis", verify.Anchors{Genesis: ledger.Digest{1}}, "genesis.cbor"},
		{"the newest head", verify.Anchors{Head: heads[2]}, ""},
		{"an old head", verify.Anchors{Head: heads[0]}, ""},
		{"another head", verify.Anchors{Head: ledger.Digest{1}}, "head"},
		{"height", verify.Anchors{MinHeight: 3}, ""},
		{"too high", verify.Anchors{MinHeight: 4}, "height"},
		{"all", verify.Anchors{Genesis: c.ID, Head: heads[1], MinHeight: 2}, ""},
	} {
		in := c.input(c.store)
		in.Anchors = tt.anchors
		report := run(t, in)
		switch {
		case !report.Anchored:
			t.Errorf("%s: the report says that there is no anchor", tt.name)
		case tt.where == "" && report.Verdict != verify.Right:
			t.Errorf("%s: %v", tt.name, report.First)
		case tt.where != "" && (report.Verdict != verify.Wrong || report.First.Kind != "anchor" || report.First.Where != tt.where):
			t.Errorf("%s: %s, %v, want anchor at %s", tt.name, report.Verdict, report.First, tt.where)
		}
	}
}

// TestShortened shows why an anchor is needed: without one a chain cut short is
// right, with one it is not.
func TestShortened(t *testing.T) {
	t.Parallel()
	long := build(t)
	header, err := long.store.Header(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	short := &tampered{Store: long.store, applied: func(a *store.Applied) { a.Height = 2 }}
	in := long.input(short)
	if report := run(t, in); report.Verdict == verify.Right {
		t.Error("a store that goes back without its rows is right")
	}
	in.Anchors.Head = ledger.Hash(header)
	if report := run(t, in); report.Verdict != verify.Wrong {
		t.Errorf("verdict %s", report.Verdict)
	}
}

func TestEmptyAndUnsigned(t *testing.T) {
	t.Parallel()
	c := build(t)
	s, err := pebble.Open("store", pebble.Options{FS: vfs.NewMem(), Chain: c.ID, Node: aplostest.NodeID(0)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if report := run(t, c.input(s)); report.Verdict != verify.Incomplete {
		t.Errorf("nothing stored: %s, %v", report.Verdict, report.First)
	}
	if err := node.InitStore(t.Context(), c.config, c.topic, s); err != nil {
		t.Fatal(err)
	}
	if report := run(t, c.input(s)); report.Verdict != verify.Right || report.Stored != 0 {
		t.Errorf("genesis alone: %s, %v", report.Verdict, report.First)
	}
	none := &tampered{Store: c.store, signatures: func(uint64, []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) { return nil, nil }}
	if report := run(t, c.input(none)); report.Verdict != verify.Incomplete || report.First.Where != "signatures" {
		t.Errorf("no signatures: %s, %v", report.Verdict, report.First)
	}
	// A quorum over a header counts for all before it.
	lower := &tampered{Store: c.store, signatures: func(h uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
		if h < 3 {
			all = all[:1]
		}
		return all, nil
	}}
	if report := run(t, c.input(lower)); report.Verdict != verify.Right || report.Height != 3 {
		t.Errorf("signatures below the newest block missing: %s, %v", report.Verdict, report.First)
	}
	upper := &tampered{Store: c.store, signatures: func(h uint64, all []ledger.HeaderSignature) ([]ledger.HeaderSignature, error) {
		if h == 3 {
			all = all[:2]
		}
		return all, nil
	}}
	if report := run(t, c.input(upper)); report.Verdict != verify.Right || report.Height != 2 || report.Stored != 3 {
		t.Errorf("the newest block without a quorum: %+v", report)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	c := build(t)
	ctx, cancel := context.WithCancel(t.Context())
	in := c.input(c.store)
	in.Progress = func(height, _ uint64) {
		if height == 2 {
			cancel()
		}
	}
	if report, _, err := verify.Chain(ctx, in); !errors.Is(err, context.Canceled) || report.Verdict != "" || report.Checked.Blocks != 2 {
		t.Errorf("%+v, %v", report, err)
	}
}
