package ledger_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func fixtureGroups(tb testing.TB) *ledger.Groups {
	tb.Helper()
	return ledger.NewGroups(fixtureChain(tb), 0, fixtureGroup())
}

func TestGroupTrail(t *testing.T) {
	t.Parallel()
	groups, trail := fixtureGroups(t), fixtureTrail(t)
	for range 2 { // what is known already is met again
		if err := groups.Follow(trail, identity.Verify); err != nil {
			t.Fatal(err)
		}
	}
	for number, want := range []struct {
		group       ledger.Group
		first, last uint64
	}{{fixtureGroup(), 1, 1}, {trail.Handovers[0].Next, 2, 5}, {trail.Handovers[1].Next, 6, 0}} {
		group, first, last, err := groups.Of(uint64(number))
		if err != nil || group.Epoch != uint64(number) || !slices.Equal(group.Nodes, want.group.Nodes) || first != want.first || last != want.last {
			t.Errorf("epoch %d: %+v, heights %d to %d, %v", number, group, first, last, err)
		}
	}
	if _, _, _, err := groups.Of(3); !errors.Is(err, ledger.ErrEpoch) {
		t.Errorf("epoch 3: %v, want ErrEpoch", err)
	}
	if groups.Newest().Epoch != 2 {
		t.Errorf("newest is epoch %d", groups.Newest().Epoch)
	}
}

// TestGroupTrailRefuses changes a good trail; what stood before the change is
// learnt, nothing behind it.
func TestGroupTrailRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		learnt uint64
		change func(*ledger.GroupTrail)
	}{
		{"too few signatures", 0, func(g *ledger.GroupTrail) { g.Handovers[0].Signatures = g.Handovers[0].Signatures[1:] }},
		{"one signature twice", 0, func(g *ledger.GroupTrail) { g.Handovers[0].Signatures[0] = g.Handovers[0].Signatures[1] }},
		{"more signatures than nodes", 0, func(g *ledger.GroupTrail) {
			g.Handovers[0].Signatures = slices.Repeat(g.Handovers[0].Signatures, 2)
		}},
		{"signed by the next group", 1, func(g *ledger.GroupTrail) {
			h := &g.Handovers[1]
			h.Signatures[0] = ledger.SignHeader(5, h.Header, id(2), key(0x42).ID(), key(0x42).Sign)
		}},
		{"signed by who has left", 1, func(g *ledger.GroupTrail) {
			h := &g.Handovers[1]
			h.Signatures[0] = ledger.SignHeader(5, h.Header, id(1), key(1).ID(), key(1).Sign)
		}},
		{"another group than announced", 0, func(g *ledger.GroupTrail) { g.Handovers[0].Next.Nodes[0].Key = key(9).Public() }},
		{"an epoch left out", 0, func(g *ledger.GroupTrail) { g.Handovers = g.Handovers[1:] }},
		{"an epoch that skips one", 0, func(g *ledger.GroupTrail) {
			next := g.Handovers[0].Next
			next.Epoch = 2
			g.Handovers[0] = handover(t, 0, 1, next, 1, 2, 3)
		}},
		{"an epoch that does not move on", 0, func(g *ledger.GroupTrail) {
			g.Handovers[0] = handover(t, 0, 1, fixtureGroup(), 1, 2, 3)
		}},
		{"an epoch that ends before it began", 1, func(g *ledger.GroupTrail) {
			g.Handovers[1] = handover(t, 1, 1, g.Handovers[1].Next, 2, 3, 5)
		}},
		{"a group without nodes", 0, func(g *ledger.GroupTrail) {
			g.Handovers[0] = handover(t, 0, 1, ledger.Group{Epoch: 1}, 1, 2, 3)
		}},
		{"a group out of order", 0, func(g *ledger.GroupTrail) {
			next := g.Handovers[0].Next
			slices.Reverse(next.Nodes)
			g.Handovers[0] = handover(t, 0, 1, next, 1, 2, 3)
		}},
		{"two nodes with one key", 0, func(g *ledger.GroupTrail) {
			next := g.Handovers[0].Next
			next.Nodes[1].Key = next.Nodes[0].Key
			g.Handovers[0] = handover(t, 0, 1, next, 1, 2, 3)
		}},
		{"no header", 0, func(g *ledger.GroupTrail) { g.Handovers[0].Header = nil }},
		{"two histories", 2, func(g *ledger.GroupTrail) {
			other := g.Handovers[1].Next
			other.Nodes = slices.Clone(other.Nodes[:3])
			g.Handovers = append(g.Handovers, handover(t, 1, 5, other, 2, 3, 5))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			groups, trail := fixtureGroups(t), fixtureTrail(t)
			tt.change(trail)
			err := groups.Follow(trail, identity.Verify)
			if !errors.Is(err, ledger.ErrProof) && !errors.Is(err, ledger.ErrMalformed) || groups.Newest().Epoch != tt.learnt {
				t.Errorf("learnt up to epoch %d, want %d; error %v", groups.Newest().Epoch, tt.learnt, err)
			}
		})
	}
	groups := ledger.NewGroups(digest(1), 0, fixtureGroup())
	if err := groups.Follow(fixtureTrail(t), identity.Verify); !errors.Is(err, ledger.ErrProof) {
		t.Errorf("a trail of another chain: %v", err)
	}
	groups = ledger.NewGroups(fixtureChain(t), 1, fixtureGroup())
	if err := groups.Follow(fixtureTrail(t), identity.Verify); !errors.Is(err, ledger.ErrProof) {
		t.Errorf("a trail of another shard: %v", err)
	}
	many := &ledger.GroupTrail{Handovers: make([]ledger.Handover, ledger.MaxHandovers+1)}
	_, err := ledger.ParseGroupTrail(encode(t, many))
	wantMalformed(t, err, "group trail", "handovers")
}

// TestGroupsReach fetches the trail part by part, as far as it is needed.
func TestGroupsReach(t *testing.T) {
	t.Parallel()
	full := fixtureTrail(t).Handovers
	var asked []uint64
	fetch := func(from uint64) ([]byte, error) {
		asked = append(asked, from)
		part := full[min(from, uint64(len(full))):]
		return ledger.Encode(&ledger.GroupTrail{Handovers: part[:min(1, len(part))]})
	}
	groups := fixtureGroups(t)
	for _, step := range []struct {
		epoch uint64
		asked []uint64
		fails error
	}{{0, nil, nil}, {2, []uint64{0, 1}, nil}, {1, []uint64{0, 1}, nil}, {1 << 62, []uint64{0, 1, 2}, ledger.ErrEpoch}} {
		if err := groups.Reach(step.epoch, identity.Verify, fetch); !errors.Is(err, step.fails) || !slices.Equal(asked, step.asked) {
			t.Errorf("epoch %d: %v, asked for %d", step.epoch, err, asked)
		}
	}
	broken := errors.New("nobody there")
	if err := groups.Reach(3, identity.Verify, func(uint64) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v, want the error of the fetch", err)
	}
	if err := groups.Reach(3, identity.Verify, func(uint64) ([]byte, error) { return []byte{0}, nil }); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("got %v, want ErrMalformed", err)
	}
}

// TestGroupsCheck holds that a proof is checked by the group of its epoch, and
// that an epoch's group signs at its own heights alone.
func TestGroupsCheck(t *testing.T) {
	t.Parallel()
	groups := fixtureGroups(t)
	at := func(epoch, height uint64, signers ...byte) *ledger.ResultProof {
		p := fixtureProof(t)
		header, err := ledger.ParseHeader(p.Header)
		if err != nil {
			t.Fatal(err)
		}
		header.Epoch, header.Height = epoch, height
		p.Header, p.Signatures = encode(t, &header), nil
		for _, n := range signers {
			p.Signatures = append(p.Signatures, ledger.SignHeader(height, p.Header, id(n), key(n).ID(), key(n).Sign))
		}
		return p
	}
	if _, _, err := groups.Check(at(1, 3, 2, 3, 5), identity.Verify); !errors.Is(err, ledger.ErrEpoch) {
		t.Errorf("before the trail is known: %v, want ErrEpoch", err)
	}
	if _, _, err := groups.Check(at(0, 9, 1, 2, 3), identity.Verify); err != nil {
		t.Errorf("who knows of no handover can't tell: %v", err)
	}
	if err := groups.Follow(fixtureTrail(t), identity.Verify); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*ledger.ResultProof{at(0, 1, 1, 2, 4), at(1, 2, 3, 4, 5), at(1, 5, 2, 3, 4), at(2, 6, 3, 4, 5)} {
		if epoch, err := p.Epoch(); err != nil || epoch > 2 {
			t.Errorf("epoch %d, %v", epoch, err)
		}
		if result, _, err := groups.Check(p, identity.Verify); err != nil || result.ID != fixtureResults(t)[1].ID {
			t.Errorf("proven result %+v, %v", result, err)
		}
	}
	for name, p := range map[string]*ledger.ResultProof{
		"an old group behind its epoch":   at(0, 2, 1, 2, 3),
		"a new group before its epoch":    at(1, 1, 2, 3, 5),
		"an old key":                      at(2, 6, 2, 3, 4),
		"a node that has left":            at(1, 2, 1, 2, 3),
		"a node before it came":           at(0, 1, 2, 3, 5),
		"a quorum of the group afterward": at(0, 5, 2, 3, 5),
	} {
		if _, _, err := groups.Check(p, identity.Verify); !errors.Is(err, ledger.ErrProof) {
			t.Errorf("%s: %v, want ErrProof", name, err)
		}
	}
	p := fixtureProof(t)
	p.Header = nil
	_, _, err := groups.Check(p, identity.Verify)
	wantMalformed(t, err, "header", "encoding")
	if _, err := p.Epoch(); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("epoch of nothing: %v", err)
	}
}

// TestGroupTrailRandom walks random histories of groups: whatever parts the
// trail is cut into, what is learnt is the history.
func TestGroupTrailRandom(t *testing.T) {
	t.Parallel()
	chain := fixtureChain(t)
	rapid.Check(t, func(r *rapid.T) {
		draw := func(epoch uint64) ledger.Group {
			g := ledger.Group{Epoch: epoch}
			for n := byte(1); n <= 9; n++ {
				if rapid.Bool().Draw(r, "in the group") || n == 9 && len(g.Nodes) == 0 {
					g.Nodes = append(g.Nodes, ledger.GroupNode{Node: id(n), Organisation: id(n), Key: key(n).Public()})
				}
			}
			return g
		}
		history := []ledger.Group{draw(0)}
		var all []ledger.Handover
		height := uint64(0)
		for e := range uint64(rapid.IntRange(0, 6).Draw(r, "handovers")) {
			old, next := history[e], draw(e+1)
			height += rapid.Uint64Range(1, 1<<40).Draw(r, "blocks")
			var signers []byte
			for _, n := range old.Nodes[len(old.Nodes)-old.Quorum():] {
				signers = append(signers, n.Node[0])
			}
			all = append(all, handover(t, e, height, next, signers...))
			history = append(history, next)
		}
		groups := ledger.NewGroups(chain, 0, history[0])
		for len(all) > 0 {
			n := rapid.IntRange(1, len(all)).Draw(r, "part")
			if err := groups.Follow(&ledger.GroupTrail{Handovers: all[:n]}, identity.Verify); err != nil {
				r.Fatal(err)
			}
			all = all[n:]
		}
		for e := range history {
			got, _, _, err := groups.Of(uint64(e))
			if err != nil || !slices.Equal(got.Nodes, history[e].Nodes) {
				r.Fatalf("epoch %d: %+v, %v", e, got, err)
			}
		}
	})
}
