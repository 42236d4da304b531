package ledger_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func TestResultProof(t *testing.T) {
	t.Parallel()
	group, chain := fixtureGroup(), fixtureChain(t)
	result, header, err := fixtureProof(t).Verify(chain, &group, identity.Verify)
	if err != nil {
		t.Fatal(err)
	}
	if want := fixtureResults(t)[1]; result.ID != want.ID || result.Code != want.Code || header.Height != 1 {
		t.Errorf("proven result %+v at height %d", result, header.Height)
	}

	tests := []struct {
		name   string
		change func(p *ledger.ResultProof, chain *ledger.Digest, group *ledger.Group)
	}{
		{"another chain", func(_ *ledger.ResultProof, chain *ledger.Digest, _ *ledger.Group) { chain[0] ^= 1 }},
		{"another epoch", func(_ *ledger.ResultProof, _ *ledger.Digest, g *ledger.Group) { g.Epoch = 1 }},
		{"an empty group", func(_ *ledger.ResultProof, _ *ledger.Digest, g *ledger.Group) { g.Nodes = nil }},
		{"too few signatures", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Signatures = p.Signatures[1:] }},
		{"no signatures", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Signatures = nil }},
		{"one signature twice", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Signatures[2] = p.Signatures[0] }},
		{"a signature under another name", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) {
			p.Signatures[2] = p.Signatures[0]
			p.Signatures[2].Node = id(4)
		}},
		{"a stranger's signature", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) {
			p.Signatures[2] = ledger.SignHeader(1, p.Header, id(9), key(9).ID(), key(9).Sign)
		}},
		{"a signature of another kind", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) {
			p.Signatures[2].Signature = ledger.Seal(ledger.KindReceipt, key(4).ID(), key(4).Sign, p.Header).Signature
		}},
		{"a signature of another header", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Signatures[2].Header = digest(1) }},
		{"more signatures than nodes", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) {
			p.Signatures = slices.Repeat(p.Signatures, 2)
		}},
		{"another leaf", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) {
			p.Leaf = encode(t, &fixtureResults(t)[0])
		}},
		{"another index", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Index = 0 }},
		{"an index outside", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Index = 2 }},
		{"another size", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Size = 4 }},
		{"no path", func(p *ledger.ResultProof, _ *ledger.Digest, _ *ledger.Group) { p.Path = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, chain, group := fixtureProof(t), fixtureChain(t), fixtureGroup()
			tt.change(p, &chain, &group)
			if _, _, err := p.Verify(chain, &group, identity.Verify); !errors.Is(err, ledger.ErrProof) {
				t.Errorf("got %v, want ErrProof", err)
			}
		})
	}

	p := fixtureProof(t)
	p.Header = []byte{0x80}
	_, _, err = p.Verify(chain, &group, identity.Verify)
	wantMalformed(t, err, "header", "encoding")

	// A leaf that is proven and is no result: a quorum signed nonsense.
	h, err := ledger.ParseHeader(headerBytes(t))
	if err != nil {
		t.Fatal(err)
	}
	h.Results = ledger.MerkleRoot([][]byte{{0xff}})
	p = &ledger.ResultProof{Leaf: []byte{0xff}, Size: 1, Header: encode(t, &h)}
	for n := byte(1); n <= 3; n++ {
		p.Signatures = append(p.Signatures, ledger.SignHeader(1, p.Header, id(n), key(n).ID(), key(n).Sign))
	}
	_, _, err = p.Verify(chain, &group, identity.Verify)
	wantMalformed(t, err, "result", "encoding")
}

func TestGroup(t *testing.T) {
	t.Parallel()
	for n, want := range []int{1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7} {
		if got := ledger.Quorum(n); got != want {
			t.Errorf("quorum of %d is %d, want %d", n, got, want)
		}
		// Two quorums share more nodes than may lie: 2q − n > ⌊(n−1)/3⌋.
		if n > 0 && 2*ledger.Quorum(n)-n <= (n-1)/3 {
			t.Errorf("two quorums of %d may share liars alone", n)
		}
	}
	g := fixtureGroup()
	for i, n := range g.Nodes {
		found, ok := g.Find(n.Node)
		if !ok || found != n || g.Index(n.Node) != i {
			t.Errorf("node %d is found as %+v, %v, index %d", i, found, ok, g.Index(n.Node))
		}
	}
	for _, absent := range []ledger.ID{{}, id(0xff), {1}} {
		if _, ok := g.Find(absent); ok || g.Index(absent) != -1 {
			t.Errorf("node %s is found in a group without it", absent)
		}
	}
	if a, err := g.Digest(); err != nil || a != ledger.Hash(encode(t, &g)) {
		t.Errorf("digest %s, %v", a, err)
	}
}

// TestWritesDigest holds that a write set has one digest, however its empty
// values came about.
func TestWritesDigest(t *testing.T) {
	t.Parallel()
	digestOf := func(writes ...ledger.Write) ledger.Digest {
		t.Helper()
		d, err := ledger.WritesDigest(writes)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := digestOf(); !d.IsZero() {
		t.Errorf("no writes have digest %s", d)
	}
	empty, null := digestOf(ledger.Write{Key: []byte("k"), Value: []byte{}}), digestOf(ledger.Write{Key: []byte("k")})
	if empty != null {
		t.Error("an empty and a nil value have two digests")
	}
	if null == digestOf(ledger.Write{Key: []byte("k"), Delete: true}) {
		t.Error("a deletion has the digest of an empty value")
	}
	a, b := ledger.Result{Code: "ok"}, ledger.Result{Code: "ok", Events: []ledger.Event{}}
	if ledger.Hash(encode(t, &a)) != ledger.Hash(encode(t, &b)) {
		t.Error("results without events have two hashes")
	}
}
