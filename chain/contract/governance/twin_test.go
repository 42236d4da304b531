package governance_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// twin is what the contract holds, as plain maps, changed by the plainest code.
type twin struct {
	organisations map[ledger.ID]bool              // true while it stands
	officers      map[ledger.ID]ledger.ID         // who may act → organisation
	nodes         map[ledger.ID]ledger.ID         // of the group → organisation
	keys          map[ledger.ID]ledger.PublicKey  // of these nodes
	used          map[ledger.PublicKey]bool       // ever
	known         map[ledger.ID]bool              // members ever
	suspended     map[ledger.ID]bool              // of the group
	cas           map[ledger.Digest]bool          // true while it vouches
	limit         uint32                          // transactions of a block
	protocol      uint64                          //
	epoch         uint64                          //
	proposals     map[ledger.Digest]*twinProposal //
	order         []ledger.Digest                 // of proposals
}

type twinProposal struct {
	by       ledger.ID // organisation
	action   governance.Action
	height   uint64
	expiry   int64
	approved []twinWord
	against  []twinWord // that want it withdrawn since it passed
	state    governance.State
}

// twinWord is what an officer said for an organisation.
type twinWord struct {
	organisation, officer ledger.ID
	void                  bool
}

func said(words []twinWord, o ledger.ID) bool {
	return slices.ContainsFunc(words, func(w twinWord) bool { return w.organisation == o && !w.void })
}

func newTwin(a *assembly) *twin {
	w := &twin{
		organisations: map[ledger.ID]bool{}, officers: map[ledger.ID]ledger.ID{}, nodes: map[ledger.ID]ledger.ID{},
		keys: map[ledger.ID]ledger.PublicKey{}, used: map[ledger.PublicKey]bool{}, known: map[ledger.ID]bool{},
		suspended: map[ledger.ID]bool{}, cas: map[ledger.Digest]bool{}, limit: a.Genesis.Limits.BlockTransactions, protocol: 1,
		proposals: map[ledger.Digest]*twinProposal{},
	}
	for _, m := range a.Genesis.Members {
		w.organisations[m.Organisation], w.officers[m.ID], w.used[m.Key], w.known[m.ID] = true, m.Organisation, true, true
	}
	for _, n := range a.Genesis.Group.Nodes {
		w.nodes[n.Node], w.keys[n.Node], w.used[n.Key], w.known[n.Node] = n.Organisation, n.Key, true, true
	}
	return w
}

func (w *twin) standing() (n int) {
	for _, stands := range w.organisations {
		if stands {
			n++
		}
	}
	return n
}

// copy lets a change be tried.
func (w *twin) copy() *twin {
	c := *w
	c.organisations, c.officers, c.nodes = maps.Clone(w.organisations), maps.Clone(w.officers), maps.Clone(w.nodes)
	c.keys, c.used, c.known = maps.Clone(w.keys), maps.Clone(w.used), maps.Clone(w.known)
	c.suspended, c.cas = maps.Clone(w.suspended), maps.Clone(w.cas)
	return &c
}

// apply makes a change and reports whether it fits.
func (w *twin) apply(a governance.Action) bool {
	admit := func(id ledger.ID, key ledger.PublicKey) bool {
		if w.known[id] || w.used[key] {
			return false
		}
		w.known[id], w.used[key] = true, true
		return true
	}
	signs := func() bool {
		voters := 0
		for n := range w.nodes {
			if !w.suspended[n] {
				voters++
			}
		}
		for n := range w.suspended {
			if w.nodes[n].IsZero() {
				delete(w.suspended, n)
			}
		}
		return len(w.nodes) > 0 && voters > 2*len(w.nodes)/3
	}
	switch {
	case a.AddOrganisation != nil:
		x := a.AddOrganisation
		if _, ever := w.organisations[x.Organisation]; ever || !admit(x.Officer, x.Key) {
			return false
		}
		w.organisations[x.Organisation], w.officers[x.Officer] = true, x.Organisation
	case a.RemoveOrganisation != nil:
		o := a.RemoveOrganisation.Organisation
		if !w.organisations[o] || w.standing() == 1 {
			return false
		}
		w.organisations[o] = false
		maps.DeleteFunc(w.nodes, func(_, of ledger.ID) bool { return of == o })
		maps.DeleteFunc(w.officers, func(_, of ledger.ID) bool { return of == o })
		return signs()
	case a.ReplaceOfficer != nil:
		x := a.ReplaceOfficer
		if w.officers[x.Old] != x.Organisation || x.Organisation.IsZero() || !admit(x.New, x.Key) {
			return false
		}
		delete(w.officers, x.Old)
		w.officers[x.New] = x.Organisation
	case a.AddNode != nil:
		x := a.AddNode
		if !w.organisations[x.Organisation] || !admit(x.Node, x.Key) {
			return false
		}
		w.nodes[x.Node], w.keys[x.Node] = x.Organisation, x.Key
		return signs()
	case a.RemoveNode != nil:
		if w.nodes[a.RemoveNode.Node].IsZero() {
			return false
		}
		delete(w.nodes, a.RemoveNode.Node)
		return signs()
	case a.RotateNodeKey != nil:
		x := a.RotateNodeKey
		if w.nodes[x.Node].IsZero() || w.nodes[x.Node] != x.Organisation || w.used[x.Key] {
			return false
		}
		w.used[x.Key], w.keys[x.Node] = true, x.Key
		return signs()
	case a.LiftSuspension != nil:
		if !w.suspended[a.LiftSuspension.Node] {
			return false
		}
		delete(w.suspended, a.LiftSuspension.Node)
	case a.AddCA != nil:
		if _, ever := w.cas[a.AddCA.Certificate]; ever || !w.organisations[a.AddCA.Organisation] {
			return false
		}
		w.cas[a.AddCA.Certificate] = true
	case a.RemoveCA != nil:
		if !w.cas[a.RemoveCA.Certificate] {
			return false
		}
		w.cas[a.RemoveCA.Certificate] = false
	case a.SetLimits != nil:
		w.limit = a.SetLimits.BlockTransactions
	case a.SetProtocol != nil:
		if a.SetProtocol.Version != w.protocol+1 {
			return false
		}
		w.protocol++
	}
	return true
}

func (w *twin) propose(id ledger.Digest, officer ledger.ID, p *governance.Propose, now int64, height uint64) bool {
	o, is := w.officers[officer]
	if !is || p.Height <= height || !w.copy().apply(p.Action) {
		return false
	}
	open := 0
	for _, q := range w.proposals {
		if q.by == o && (q.state == governance.StatePassed || q.state == governance.StateOpen && now <= q.expiry && height < q.height) {
			open++
		}
	}
	if open >= governance.MaxOpenProposals {
		return false
	}
	w.proposals[id] = &twinProposal{
		by: o, action: p.Action, height: p.Height, expiry: p.Expiry, approved: []twinWord{{organisation: o, officer: officer}}, state: governance.StateOpen,
	}
	w.order = append(w.order, id)
	w.count(id)
	return true
}

func (w *twin) count(id ledger.Digest) {
	if w.quorum(w.proposals[id].approved) {
		w.proposals[id].state = governance.StatePassed
	}
}

func (w *twin) quorum(words []twinWord) bool {
	n := 0
	for o, stands := range w.organisations {
		if stands && said(words, o) {
			n++
		}
	}
	return 3*n > 2*w.standing() // n ≥ ⌊2m/3⌋+1
}

// decide approves or withdraws.
func (w *twin) decide(method string, id ledger.Digest, officer ledger.ID, now int64, height uint64) bool {
	o, is := w.officers[officer]
	p := w.proposals[id]
	if !is || p == nil {
		return false
	}
	word := twinWord{organisation: o, officer: officer}
	if method == governance.MethodWithdraw && p.state == governance.StatePassed {
		if said(p.against, o) {
			return false
		}
		if p.against = append(p.against, word); w.quorum(p.against) {
			p.state = governance.StateWithdrawn
		}
		return true
	}
	if p.state != governance.StateOpen || now > p.expiry || height >= p.height {
		return false
	}
	if method == governance.MethodWithdraw {
		if p.by != o {
			return false
		}
		p.state = governance.StateWithdrawn
		return true
	}
	if said(p.approved, o) {
		return false
	}
	p.approved = append(p.approved, word)
	w.count(id)
	return true
}

func (w *twin) seal(height uint64, now int64) {
	before := w.copy()
	ends := len(w.nodes)-len(w.suspended) > 2*len(w.nodes)/3
	for _, id := range w.order {
		p := w.proposals[id]
		if p.state != governance.StatePassed || p.height != height+1 {
			continue
		}
		p.state = governance.StateFailed
		if tried := w.copy(); tried.apply(p.action) && (ends || sameNodes(tried, w)) {
			tried.proposals, tried.order = w.proposals, w.order
			*w = *tried
			p.state = governance.StateActive
			w.void(p.action, height+1, now)
		}
	}
	if !sameNodes(before, w) {
		w.epoch++
	}
}

// void takes back what those have said who have no say any more, where it still
// counts.
func (w *twin) void(a governance.Action, first uint64, now int64) {
	for _, p := range w.proposals {
		over := p.height < first || p.state == governance.StateOpen && now > p.expiry
		if over || p.state != governance.StateOpen && p.state != governance.StatePassed {
			continue
		}
		changed := false
		for _, words := range [][]twinWord{p.approved, p.against} {
			for i := range words {
				gone := a.ReplaceOfficer != nil && words[i].officer == a.ReplaceOfficer.Old ||
					a.RemoveOrganisation != nil && words[i].organisation == a.RemoveOrganisation.Organisation
				changed = changed || gone && !words[i].void
				words[i].void = words[i].void || gone
			}
		}
		if changed && p.state == governance.StatePassed && !w.quorum(p.approved) {
			p.state, p.against = governance.StateOpen, nil
		}
	}
}

func sameNodes(a, b *twin) bool { return maps.Equal(a.nodes, b.nodes) && equalKeys(a, b) }

// equalKeys compares the keys of the nodes that are in the group.
func equalKeys(a, b *twin) bool {
	for n := range a.nodes {
		if a.keys[n] != b.keys[n] {
			return false
		}
	}
	return true
}

// differs says how the rows differ from the twin.
func (w *twin) differs(a *assembly) error {
	group := a.group()
	if group.Epoch != w.epoch || len(group.Nodes) != len(w.nodes) {
		return fmt.Errorf("epoch %d of %d nodes, want %d of %d", group.Epoch, len(group.Nodes), w.epoch, len(w.nodes))
	}
	for _, n := range group.Nodes {
		if w.nodes[n.Node] != n.Organisation || w.keys[n.Node] != n.Key {
			return fmt.Errorf("node %+v, want key %x of %s", n, w.keys[n.Node], w.nodes[n.Node])
		}
	}
	list, err := governance.Organisations(a.rows)
	if err != nil || len(list) != w.standing() || slices.ContainsFunc(list, func(o ledger.ID) bool { return !w.organisations[o] }) {
		return fmt.Errorf("organisations %v, want %v, %w", list, w.organisations, err)
	}
	suspensions, err := governance.Suspensions(a.rows)
	if err != nil || len(suspensions) != len(w.suspended) {
		return fmt.Errorf("suspensions %v, want %v, %w", suspensions, w.suspended, err)
	}
	for certificate, vouches := range w.cas {
		ca, ok, err := governance.LoadCA(a.rows, certificate)
		if err != nil || !ok || ca.Removed == vouches {
			return fmt.Errorf("CA %+v, %t, want it to vouch: %t, %w", ca, ok, vouches, err)
		}
	}
	if got := a.blockTransactions(); got != w.limit {
		return fmt.Errorf("limit %d, want %d", got, w.limit)
	}
	if got, err := governance.Protocol(a.rows); got != w.protocol || err != nil {
		return fmt.Errorf("protocol %d, want %d, %w", got, w.protocol, err)
	}
	for id, p := range w.proposals {
		got := a.proposal(id)
		if got.State != p.state || !equalWords(got.Approvals, p.approved) || !equalWords(got.Withdrawals, p.against) {
			return fmt.Errorf("proposal %s is %+v, want %+v", id.Short(), got, p)
		}
	}
	for officer, o := range w.officers {
		m, ok, err := contract.LoadFrom[identity.Member](a.rows, identity.MemberRow(officer))
		if err != nil || !ok || m.Status != keys.StatusActive || m.Organisation != o {
			return fmt.Errorf("officer %s: %+v, %t, %w", officer, m, ok, err)
		}
	}
	return nil
}

func equalWords(got []governance.Approval, want []twinWord) bool {
	return slices.EqualFunc(got, want, func(g governance.Approval, w twinWord) bool {
		return g.Organisation == w.organisation && g.Officer == w.officer && g.Void == w.void
	})
}

// draw makes an action of a small world, so that actions meet each other.
func draw(r *rapid.T) governance.Action {
	small := func(what string, n int) int { return rapid.IntRange(0, n-1).Draw(r, what) }
	o, n, m, k := organisation(small("organisation", 7)), aplostest.NodeID(small("node", 7)), aplostest.Stranger(small("member", 6)), fresh(small("key", 40))
	officer := m
	if rapid.Bool().Draw(r, "an officer of the genesis") {
		officer = aplostest.AccountID(small("officer", 4))
	}
	switch small("action", 12) {
	case 0:
		return governance.Action{AddOrganisation: &governance.AddOrganisation{Organisation: o, Name: "x", Officer: m, Key: k}}
	case 1:
		return governance.Action{RemoveOrganisation: &governance.RemoveOrganisation{Organisation: o}}
	case 2:
		return governance.Action{ReplaceOfficer: &governance.ReplaceOfficer{Organisation: o, Old: officer, New: m, Key: k}}
	case 3, 4:
		return governance.Action{AddNode: &governance.AddNode{Node: n, Organisation: o, Key: k}}
	case 5:
		return governance.Action{RemoveNode: &governance.RemoveNode{Node: n}}
	case 6:
		return governance.Action{RotateNodeKey: &governance.RotateNodeKey{Node: n, Organisation: o, Key: k}}
	case 7:
		return governance.Action{LiftSuspension: &governance.LiftSuspension{Node: n}}
	case 8:
		return governance.Action{AddCA: &governance.AddCA{Organisation: o, Certificate: ledger.Digest{byte(1 + small("certificate", 3))}, Key: k, Until: 1}}
	case 9:
		return governance.Action{RemoveCA: &governance.RemoveCA{Certificate: ledger.Digest{byte(1 + small("certificate", 3))}}}
	case 10:
		return limits(uint32(1 + small("limit", 5)))
	default:
		return governance.Action{SetProtocol: &governance.SetProtocol{Version: uint64(1 + small("version", 4))}}
	}
}

// TestTwin runs random sequences of proposals, approvals, withdrawals and blocks
// against the twin.
func TestTwin(t *testing.T) {
	t.Parallel()
	passed, failed, epochs := 0, 0, uint64(0)
	rapid.Check(t, func(r *rapid.T) {
		a := newAssembly(t, rapid.IntRange(1, 4).Draw(r, "organisations"))
		w := newTwin(a)
		for range rapid.IntRange(20, 120).Draw(r, "steps") {
			ascending := func(x, y ledger.ID) int { return slices.Compare(x[:], y[:]) }
			senders := slices.SortedFunc(maps.Keys(w.officers), ascending)
			if rapid.IntRange(0, 9).Draw(r, "anyone") == 0 {
				senders = slices.SortedFunc(maps.Keys(w.known), ascending)
			}
			sender := rapid.SampledFrom(senders).Draw(r, "sender")
			switch rapid.IntRange(0, 12).Draw(r, "step") {
			case 0, 1:
				p := &governance.Propose{Action: draw(r), Height: a.height + rapid.Uint64Range(0, 5).Draw(r, "ahead"), Expiry: a.now + rapid.Int64Range(1, 200).Draw(r, "life")}
				code, id, _ := a.call(sender, governance.MethodPropose, p)
				if ok := w.propose(id, sender, p, a.now, a.height); ok != (code == ledger.CodeOK) {
					r.Fatalf("%s proposes %s for %d: %s, want success: %t", sender.Short(), p.Action.Name(), p.Height, code, ok)
				}
			case 2, 3, 4, 5, 6, 9, 10, 11:
				if len(w.order) == 0 {
					continue
				}
				id := rapid.SampledFrom(w.order[max(0, len(w.order)-4):]).Draw(r, "proposal")
				method := governance.MethodApprove
				if rapid.IntRange(0, 5).Draw(r, "withdraw") == 0 {
					method = governance.MethodWithdraw
				}
				code, _, _ := a.call(sender, method, &governance.Approve{Proposal: id})
				if ok := w.decide(method, id, sender, a.now, a.height); ok != (code == ledger.CodeOK) {
					r.Fatalf("%s: %s, want success: %t", method, code, ok)
				}
			case 7:
				a.now += rapid.Int64Range(0, 20).Draw(r, "time")
			case 8:
				node := rapid.SampledFrom(a.group().Nodes).Draw(r, "suspended").Node
				w.suspended[node] = true
				var list []governance.Suspension
				for _, n := range a.group().Nodes {
					if w.suspended[n.Node] {
						list = append(list, governance.Suspension{Node: n.Node, Height: 1})
					}
				}
				a.rows[governance.SuspendedRow] = a.Encode(list)
			default:
				w.seal(a.height, a.now)
				a.seal(a.height + 1)
			}
			if err := w.differs(a); err != nil {
				r.Fatal(err)
			}
		}
		for _, p := range w.proposals {
			switch p.state {
			case governance.StateActive:
				passed++
			case governance.StateFailed:
				failed++
			}
		}
		epochs += w.epoch
	})
	if passed == 0 || failed == 0 || epochs == 0 {
		t.Errorf("%d changes, %d that failed, %d epochs: the walk met too little", passed, failed, epochs)
	}
	t.Logf("%d changes, %d that failed, %d epochs", passed, failed, epochs)
}
