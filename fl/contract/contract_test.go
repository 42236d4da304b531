package contract_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
)

// TestSetDigests compares with bytes written by hand: RFC 8949 array, byte
// string and unsigned heads.
func TestSetDigests(t *testing.T) {
	t.Parallel()
	a := fl.Averaged{Peer: ledger.ID{1}, Digest: ledger.Digest{7}, Weight: 10}
	b := fl.Averaged{Peer: ledger.ID{2}, Digest: ledger.Digest{8}, Weight: 300}
	set := bytes.Join([][]byte{
		{0x82, 0x82, 0x50}, a.Peer[:], {0x58, 0x20}, a.Digest[:], {0x82, 0x50}, b.Peer[:], {0x58, 0x20}, b.Digest[:],
	}, nil)
	weights := bytes.Join([][]byte{{0x82, 0x82, 0x50}, a.Peer[:], {0x0a, 0x82, 0x50}, b.Peer[:], {0x19, 0x01, 0x2c}}, nil)
	for _, in := range [][]fl.Averaged{{a, b}, {b, a}} {
		if got, err := fl.SetDigest(in); err != nil || got != ledger.Hash(set) {
			t.Errorf("set digest %s, %v; want %s", got, err, ledger.Hash(set))
		}
		if got, err := fl.WeightsDigest(in); err != nil || got != ledger.Hash(weights) {
			t.Errorf("weights digest %s, %v; want %s", got, err, ledger.Hash(weights))
		}
	}
	if got, err := fl.SetDigest(nil); err != nil || got != ledger.Hash([]byte{0x80}) {
		t.Errorf("digest of no set %s, %v; want that of the empty array", got, err)
	}
}

// TestLargestCohort takes a round of as many peers as are allowed through all
// steps: arguments, writes and events must fit a transaction, even where every
// update is refused.
func TestLargestCohort(t *testing.T) {
	t.Parallel()
	for name, fraction := range map[string]float64{"all": 1, "drawn": 0.9999} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			largestCohort(t, fraction)
		})
	}
}

func largestCohort(t *testing.T, fraction float64) {
	t.Helper()
	l, err := contracttest.New(1, 1, fl.MaxCohort)
	if err != nil {
		t.Fatal(err)
	}
	do := func(name, method string, args any) {
		t.Helper()
		refused, _, err := l.Call(contracttest.ID(name), method, args)
		if err != nil || refused != nil {
			t.Fatalf("%s %s: %v, %v", name, method, refused, err)
		}
	}
	spec := job.Defaults()
	spec.Model.Layers, spec.FractionTrain = []int64{64, 10}, fraction
	do("alice", fl.MethodCreateJob, &fl.CreateJob{Key: []byte("key"), Spec: spec})
	id := fl.JobID(contracttest.ID("alice"), []byte("key"))
	var roster []ledger.ID
	var refused []fl.Refused
	for i := range fl.MaxCohort {
		do(contracttest.Peer(i), fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true})
		roster = append(roster, contracttest.ID(contracttest.Peer(i)))
	}
	slices.SortFunc(roster, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	do("node-0", fl.MethodTakeTerm, &fl.TakeTerm{Job: id, Term: 1})
	open := &fl.OpenRound{Job: id, Round: 1, Term: 1, Roster: roster, Model: ledger.Digest{1}, ModelSize: 1}
	if spec.Draws() {
		open.Nodes = l.Nodes()
		if err := l.CommitChains(); err != nil {
			t.Fatal(err)
		}
	}
	do("node-0", fl.MethodOpenRound, open)
	if spec.Draws() {
		if _, err := l.Draw(id, 1, 1, "node-0", 1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range fl.MaxCohort {
		peer := contracttest.ID(contracttest.Peer(i))
		args := &fl.SubmitUpdate{Job: id, Round: 1, Attempt: 1, Digest: ledger.Digest{2}, Size: 1, NumExamples: 1}
		args.Receipts = [][]byte{l.Receipt("node-0", "node-0", func(r *ledger.Receipt) {
			r.Blob, r.Size, r.Subject, r.Round, r.Attempt, r.Sender = args.Digest, 1, fl.ReceiptSubject(id), 1, 1, peer
		})}
		do(contracttest.Peer(i), fl.MethodSubmitUpdate, args)
	}
	do("node-0", fl.MethodCloseRound, &fl.CloseRound{Job: id, Round: 1, Attempt: 1, Term: 1, Set: roster})
	for _, p := range roster {
		refused = append(refused, fl.Refused{Peer: p, Reason: aggregator.RefusedUnavailable})
	}
	do("node-0", fl.MethodCommitRound, &fl.CommitRound{
		Job: id, Round: 1, Attempt: 1, Term: 1, Refused: refused, Metrics: manyMetrics(fl.MaxMetrics),
	})
	r, _, err := fl.LoadRound(l, id, 1)
	if err != nil || r.State != job.RoundVoid || r.Submitted != fl.MaxCohort {
		t.Errorf("round %+v, %v; want void with all submitted", r, err)
	}
}

func manyMetrics(n int) fl.Metrics {
	m := fl.Metrics{}
	for i := range n {
		m[fmt.Sprintf("metric_with_a_name_of_forty_characters%02d", i)] = math.Pi * float64(i)
	}
	return m
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		metrics fl.Metrics
		ok      bool
	}{
		"none":          {nil, true},
		"all":           {manyMetrics(fl.MaxMetrics), true},
		"too many":      {manyMetrics(fl.MaxMetrics + 1), false},
		"no name":       {fl.Metrics{"": 1}, false},
		"long name":     {fl.Metrics{"metric_with_a_name_of_forty_one_character": 1}, false},
		"upper case":    {fl.Metrics{"Loss": 1}, false},
		"digit first":   {fl.Metrics{"1loss": 1}, false},
		"not a number":  {fl.Metrics{"loss": math.NaN()}, false},
		"infinite":      {fl.Metrics{"loss": math.Inf(-1)}, false},
		"negative zero": {fl.Metrics{"loss": math.Copysign(0, -1)}, true},
	} {
		var refused *contract.Error
		err := c.metrics.Validate()
		if (err == nil) != c.ok || err != nil && (!errors.As(err, &refused) || refused.Code != contract.CodeBadArguments) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestKeysTellRowsApart: no two rows share a key, and a prefix finds its rows.
func TestKeysTellRowsApart(t *testing.T) {
	t.Parallel()
	j, p := ledger.Digest{1}, ledger.ID{2}
	keys := []contract.Key{
		fl.ChainRow, fl.JobRow(j), fl.TermRow(j), fl.PeerRow(p), fl.RoundRow(j, 1), fl.RoundRow(j, 256), fl.CohortRow(j, 1),
		fl.GroupRow(j, 1), fl.UpdateRow(j, 1, p), fl.CommitRow(j, 1, 1), fl.CommitRow(j, 1, 2), fl.AttestRow(j, 1, 1, p),
	}
	seen := map[contract.Key]bool{}
	for _, k := range keys {
		if seen[k] || k[:len(fl.Prefix)] != fl.Prefix {
			t.Errorf("key %q is another's or not under %s", k, fl.Prefix)
		}
		seen[k] = true
	}
	if fl.RoundRow(j, 255) >= fl.RoundRow(j, 256) {
		t.Error("rounds do not stand in order")
	}
	prefix := fl.RoundPrefix(fl.PrefixUpdate, j, 1)
	if got := string(fl.UpdateRow(j, 1, p)); got != prefix+string(p[:]) {
		t.Errorf("update row %q, want it behind %q", got, prefix)
	}
}

// FuzzBind holds that no arguments can do more than be refused.
func FuzzBind(f *testing.F) {
	l, err := contracttest.New(1, 1, 1)
	if err != nil {
		f.Fatal(err)
	}
	methods := fl.New().Methods
	id := ledger.Digest{1}
	for i, args := range []any{
		&fl.CreateJob{Key: []byte("k"), Spec: job.Defaults()},
		&fl.TakeTerm{Job: id, Term: 1},
		&fl.OpenRound{Job: id, Round: 1, Roster: []ledger.ID{{1}, {2}}, Model: id, ModelSize: 1},
		&fl.SubmitUpdate{Job: id, Round: 1, Digest: id, Size: 1, Metrics: fl.Metrics{"loss": 0.5}, Receipts: [][]byte{{1}}},
		&fl.CommitRound{Job: id, Round: 1, Refused: []fl.Refused{{Peer: ledger.ID{1}, Reason: aggregator.RefusedNaN}}},
		&fl.AttestRound{Job: id, Round: 1, Dissent: fl.DissentModel},
		&fl.ExpireCommit{Job: id, Round: 1, Term: 1},
		&fl.CloseJob{Job: id, State: job.StateFailed, Reason: job.ReasonNoPeers},
	} {
		b, err := ledger.Encode(args)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), b)
	}
	f.Fuzz(func(t *testing.T, n byte, b []byte) {
		call := contract.Call{Sender: contracttest.ID("node-0"), Contract: fl.Name, Args: b}
		m := methods[int(n)%len(methods)]
		call.Method = m.Name
		var refused *contract.Error
		action, err := m.Bind(call)
		if err == nil {
			err = action.Run(contract.NewEnv(l, action.Footprint, l.Now))
		}
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("%s: %v, want an error with a code", m.Name, err)
		}
		if refused != nil && refused.Code == contract.CodeOutsideFootprint {
			t.Fatalf("%s: %v", m.Name, refused)
		}
	})
}
