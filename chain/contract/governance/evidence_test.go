package governance_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// court is the rows of a chain of four nodes, before which evidence is brought.
type court struct {
	testing.TB
	*aplostest.Chain
	rows aplostest.Rows
	set  *contract.Set
}

func newCourt(t testing.TB) *court {
	t.Helper()
	c := aplostest.New(t, 4, 1, 1, nil)
	return &court{TB: t, Chain: c, rows: genesisRows(t, c), set: contract.NewSet(governance.New())}
}

// header returns a header of this chain; variant tells two of a height apart.
func (c *court) header(height uint64, variant int64) ledger.Header {
	return ledger.Header{Version: ledger.Version, Chain: c.ID, Height: height, LogTime: variant}
}

func (c *court) sign(h ledger.Header, key *identity.Key) ([]byte, [ledger.SignatureSize]byte) {
	c.Helper()
	b, err := h.Bytes()
	if err != nil {
		c.Fatal(err)
	}
	return b, ledger.SignHeader(h.Height, b, ledger.ID{}, key.ID(), key.Sign).Signature
}

// evidence returns evidence that is right against a node.
func (c *court) evidence(node int, height uint64) governance.ReportEquivocation {
	c.Helper()
	e := governance.ReportEquivocation{Node: aplostest.NodeID(node), Height: height}
	e.HeaderA, e.SignatureA = c.sign(c.header(height, 1), aplostest.NodeKey(node))
	e.HeaderB, e.SignatureB = c.sign(c.header(height, 2), aplostest.NodeKey(node))
	return e
}

func (c *court) report(args []byte) (ledger.Code, []ledger.Event) {
	c.Helper()
	action, err := c.set.Bind(contract.Call{
		Chain: c.ID, Sender: c.Account(0), Contract: governance.Name, Method: governance.MethodReportEquivocation, Args: args, LogTime: 7,
	})
	var env *contract.Env
	if err == nil {
		env = contract.NewEnv(c.rows, action.Footprint, 7)
		err = action.Run(env)
	}
	if err == nil {
		c.rows.Apply(env.Writes())
		return ledger.CodeOK, env.Events()
	}
	refused := (*contract.Error)(nil)
	if !errors.As(err, &refused) || refused.Detail == "" {
		c.Fatalf("%v is no result", err)
	}
	return refused.Code, nil
}

func TestReportEquivocation(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	e := c.evidence(2, 9)
	code, events := c.report(c.Encode(&e))
	if code != ledger.CodeOK || len(events) != 1 || events[0].Type != governance.EventSuspended {
		t.Fatalf("%s, events %v", code, events)
	}
	var event governance.Suspended
	if err := ledger.Decode("event", events[0].Data, 1<<10, &event); err != nil || event.Node != e.Node || event.Reporter != c.Account(0) {
		t.Errorf("event %+v, %v", event, err)
	}
	want := governance.Suspension{
		Node: e.Node, Height: 9, First: ledger.Hash(e.HeaderA), Second: ledger.Hash(e.HeaderB), Reporter: c.Account(0), Since: 7,
	}
	if list, err := governance.Suspensions(c.rows); err != nil || !slices.Equal(list, []governance.Suspension{want}) {
		t.Errorf("suspensions %+v, %v", list, err)
	}
	if code, _ := c.report(c.Encode(&e)); code != contract.CodeExists {
		t.Errorf("a second time: %s", code)
	}
	other := c.evidence(2, 10)
	if code, _ := c.report(c.Encode(&other)); code != contract.CodeExists {
		t.Errorf("for another height: %s", code)
	}
	for node, want := range []bool{false, false, true, false} {
		if got, err := governance.IsSuspended(c.rows, aplostest.NodeID(node)); err != nil || got != want {
			t.Errorf("node %d is suspended: %t, %v", node, got, err)
		}
	}
}

func TestReportEquivocationRefuses(t *testing.T) {
	t.Parallel()
	c := newCourt(t)
	resign := func(change func(*ledger.Header)) func(*governance.ReportEquivocation) {
		return func(e *governance.ReportEquivocation) {
			h := c.header(9, 2)
			change(&h)
			e.HeaderB, e.SignatureB = c.sign(h, aplostest.NodeKey(2))
		}
	}
	for name, tt := range map[string]struct {
		change func(*governance.ReportEquivocation)
		code   ledger.Code
	}{
		"one header twice":       {func(e *governance.ReportEquivocation) { e.HeaderB, e.SignatureB = e.HeaderA, e.SignatureA }, contract.CodeBadArguments},
		"another height":         {resign(func(h *ledger.Header) { h.Height = 10 }), contract.CodeBadArguments},
		"another chain":          {resign(func(h *ledger.Header) { h.Chain[0]++ }), contract.CodeBadArguments},
		"another shard":          {resign(func(h *ledger.Header) { h.Shard++ }), contract.CodeBadArguments},
		"the height named wrong": {func(e *governance.ReportEquivocation) { e.Height++ }, contract.CodeBadArguments},
		"no header":              {func(e *governance.ReportEquivocation) { e.HeaderB = nil }, contract.CodeBadArguments},
		"a header cut short":     {func(e *governance.ReportEquivocation) { e.HeaderA = e.HeaderA[:len(e.HeaderA)-1] }, contract.CodeBadArguments},
		"first signature broken": {func(e *governance.ReportEquivocation) { e.SignatureA[0] ^= 1 }, contract.CodeBadSignature},
		"second broken":          {func(e *governance.ReportEquivocation) { e.SignatureB[63] ^= 1 }, contract.CodeBadSignature},
		"signatures exchanged": {func(e *governance.ReportEquivocation) {
			e.SignatureA, e.SignatureB = e.SignatureB, e.SignatureA
		}, contract.CodeBadSignature},
		"two nodes, one each": {func(e *governance.ReportEquivocation) {
			_, e.SignatureB = c.sign(c.header(9, 2), aplostest.NodeKey(1))
		}, contract.CodeBadSignature},
		"against another node": {func(e *governance.ReportEquivocation) { e.Node = aplostest.NodeID(1) }, contract.CodeBadSignature},
		"against a member":     {func(e *governance.ReportEquivocation) { e.Node = c.Account(0) }, contract.CodeNotFound},
	} {
		e := c.evidence(2, 9)
		tt.change(&e)
		if got, _ := c.report(c.Encode(&e)); got != tt.code {
			t.Errorf("%s: %s, want %s", name, got, tt.code)
		}
	}
	// A signature of another kind over the same bytes is no evidence.
	e := c.evidence(2, 9)
	sealed := ledger.Seal(ledger.KindRecord, aplostest.NodeKey(2).ID(), aplostest.NodeKey(2).Sign, e.HeaderB)
	e.SignatureB = sealed.Signature
	if got, _ := c.report(c.Encode(&e)); got != contract.CodeBadSignature {
		t.Errorf("signed as a record: %s", got)
	}
	if list, err := governance.Suspensions(c.rows); err != nil || len(list) != 0 {
		t.Errorf("suspended %+v, %v", list, err)
	}
}

// TestSuspensionsTwin reports nodes in any order, and again: the list is the
// set of those reported, ascending.
func TestSuspensionsTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := newCourt(quiet{t})
		reported := map[int]bool{}
		for _, node := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 8).Draw(rt, "nodes") {
			e := c.evidence(node, rapid.Uint64Range(1, 5).Draw(rt, "height"))
			code, _ := c.report(c.Encode(&e))
			if want := map[bool]ledger.Code{true: contract.CodeExists, false: ledger.CodeOK}[reported[node]]; code != want {
				rt.Fatalf("node %d: %s, want %s", node, code, want)
			}
			reported[node] = true
			list, err := governance.Suspensions(c.rows)
			if err != nil || len(list) != len(reported) {
				rt.Fatalf("%+v, %v", list, err)
			}
			for i := range 4 {
				at := slices.IndexFunc(list, func(s governance.Suspension) bool { return s.Node == aplostest.NodeID(i) })
				if (at >= 0) != reported[i] || at > 0 && list[at-1].Node[7] >= list[at].Node[7] {
					rt.Fatalf("node %d stands at %d of %+v", i, at, list)
				}
			}
		}
	})
}

// FuzzReport brings any bytes as evidence: only what the node signed twice
// suspends it.
func FuzzReport(f *testing.F) {
	seed := newCourt(f)
	e := seed.evidence(2, 9)
	f.Add(seed.Encode(&e))
	e.HeaderB = e.HeaderA
	f.Add(seed.Encode(&e))
	f.Add([]byte{0xa6})
	f.Fuzz(func(t *testing.T, args []byte) {
		c := newCourt(t)
		code, _ := c.report(args)
		list, err := governance.Suspensions(c.rows)
		if err != nil || (code == ledger.CodeOK) != (len(list) == 1) {
			t.Fatalf("%s, %+v, %v", code, list, err)
		}
	})
}
