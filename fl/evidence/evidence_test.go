package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/evidence"
	"github.com/librum/librum/fl/verify"
)

// check opens and verifies a file.
func check(t *testing.T, b []byte, in evidence.Input) (evidence.Report, error) {
	t.Helper()
	f, err := evidence.Open(t.Context(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return evidence.Report{}, err
	}
	if in.Verify == nil {
		in.Verify = identity.Verify
	}
	in.Threads = 1
	return f.Verify(t.Context(), in)
}

// right reports whether a file is taken for true and whole.
func right(r evidence.Report, err error) bool {
	return err == nil && r.First == nil && r.Job.First == nil && !r.Job.Incomplete
}

// sum puts the right sum behind changed bytes, as whoever forges would.
func sum(b []byte) []byte {
	body := b[:len(b)-sha256.Size]
	s := sha256.Sum256(body)
	return append(slices.Clip(body), s[:]...)
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	h := trainJob(t)
	whole := h.pack(t, h.job, true, nil)
	t.Run("right", func(t *testing.T) { t.Parallel(); h.testRight(t, whole) })
	t.Run("anchors", func(t *testing.T) { t.Parallel(); h.testAnchors(t, whole) })
	t.Run("other job", func(t *testing.T) { t.Parallel(); h.testOther(t) })
	t.Run("tampered", func(t *testing.T) { t.Parallel(); testTampered(t, whole) })
	t.Run("cut", func(t *testing.T) { t.Parallel(); testCut(t, whole) })
	t.Run("forged", func(t *testing.T) { t.Parallel(); h.testForged(t, whole) })
	t.Run("dishonest recorder", func(t *testing.T) { t.Parallel(); h.testDishonest(t) })
}

func (h *trained) testRight(t *testing.T, whole []byte) {
	t.Helper()
	if again := h.pack(t, h.job, true, nil); !bytes.Equal(again, whole) {
		t.Error("the same chain gives another file")
	}
	r, err := check(t, whole, evidence.Input{Genesis: h.chain})
	if !right(r, err) || r.Genesis != h.chain || r.Job.Rounds != 2 || r.Job.Averages != 2 || r.Job.Updates != 4 || r.Job.Attested != 0 ||
		r.Signers < 3 || r.Nodes != 4 || r.Transactions < 14 || r.Accepted != 0 {
		t.Errorf("%+v, first %v, %v", r, r.First, err)
	}
	r, err = check(t, h.pack(t, h.job, false, nil), evidence.Input{Genesis: h.chain})
	if !right(r, err) || r.Job.Attested != 2 || r.Job.Averages != 0 {
		t.Errorf("without updates: %+v, first %v, %v", r, r.First, err)
	}
}

func (h *trained) testAnchors(t *testing.T, whole []byte) {
	t.Helper()
	r, err := check(t, whole, evidence.Input{})
	if !right(r, err) {
		t.Fatal(r.First, err)
	}
	for name, c := range map[string]struct {
		in   evidence.Input
		kind string // "" for right
	}{
		"its head":         {evidence.Input{Head: r.Hash}, ""},
		"a height it has":  {evidence.Input{MinHeight: 1}, ""},
		"another genesis":  {evidence.Input{Genesis: ledger.Digest{1}}, "anchor"},
		"a head elsewhere": {evidence.Input{Head: ledger.Digest{1}}, "missing"},
		"a later height":   {evidence.Input{MinHeight: 1 << 40}, "missing"},
	} {
		r, err := check(t, whole, c.in)
		if got := kind(&r); err != nil || got != c.kind {
			t.Errorf("%s: %q, %v, want %q", name, got, err, c.kind)
		}
	}
}

func kind(r *evidence.Report) string {
	if r.First == nil {
		return ""
	}
	return r.First.Kind
}

// testOther packs a job that was cancelled while the first one trained.
func (h *trained) testOther(t *testing.T) {
	t.Helper()
	b := h.pack(t, h.other, true, nil)
	r, err := check(t, b, evidence.Input{Genesis: h.chain})
	if !right(r, err) || r.Transactions < 2 || r.Results <= r.Transactions {
		t.Errorf("%+v, first %v, %v", r, r.First, err)
	}
	last := r.Job.Lines[len(r.Job.Lines)-1]
	if !strings.Contains(last.What, "cancelled") {
		t.Errorf("the last line is %q", last.What)
	}
}

// testTampered changes bytes all over the file: with the sum left as it was,
// and with the sum of the changed file.
func testTampered(t *testing.T, whole []byte) {
	t.Helper()
	known := remembered()
	for at := 0; at < len(whole); at += 97 {
		b := slices.Clone(whole)
		b[at] ^= 1 << (at % 8)
		if _, err := check(t, b, evidence.Input{Verify: known}); !errors.Is(err, evidence.ErrFormat) {
			t.Errorf("byte %d: %v, want ErrFormat", at, err)
		}
		if at >= len(whole)-sha256.Size {
			continue
		}
		r, err := check(t, sum(b), evidence.Input{Verify: known})
		if right(r, err) {
			t.Errorf("byte %d changed, with the sum: it is taken for right", at)
		}
	}
}

// remembered checks each signature once.
func remembered() ledger.VerifyFunc {
	var known sync.Map
	return func(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
		q := sha256.Sum256(slices.Concat(key[:], signature[:], message))
		answer, ok := known.Load(q)
		if !ok {
			answer, _ = known.LoadOrStore(q, identity.Verify(key, message, signature))
		}
		return answer == true
	}
}

func testCut(t *testing.T, whole []byte) {
	t.Helper()
	for n := 0; n < len(whole); n += 1 + len(whole)/300 {
		if _, err := check(t, whole[:n], evidence.Input{}); !errors.Is(err, evidence.ErrFormat) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if n < 60 {
			continue
		}
		if r, err := check(t, sum(whole[:n]), evidence.Input{}); right(r, err) {
			t.Errorf("%d bytes with a sum of their own are taken for right", n)
		}
	}
	if r, err := check(t, sum(append(slices.Clone(whole), 1, 2, 3)), evidence.Input{}); right(r, err) {
		t.Error("three bytes more are taken for right")
	}
}

// parts takes a file apart and puts it together again.
type parts struct {
	head     evidence.Head
	blocks   []evidence.Block
	contents []byte
}

func split(t *testing.T, b []byte) *parts {
	t.Helper()
	frame := func() []byte {
		n := binary.BigEndian.Uint32(b)
		f := b[4 : 4+n]
		b = b[4+n:]
		return f
	}
	b = b[12 : len(b)-sha256.Size]
	p := &parts{}
	var err error
	if p.head, err = evidence.ParseHead(frame()); err != nil {
		t.Fatal(err)
	}
	for range p.head.Last - p.head.First + 1 {
		k, err := evidence.ParseBlock(frame())
		if err != nil {
			t.Fatal(err)
		}
		p.blocks = append(p.blocks, k)
	}
	p.contents = b
	return p
}

func (p *parts) join(t *testing.T) []byte {
	t.Helper()
	out := []byte("librumev\x00\x00\x00\x01")
	frame := func(v any) {
		b, err := ledger.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(b))), b...)
	}
	frame(&p.head)
	for i := range p.blocks {
		frame(&p.blocks[i])
	}
	out = append(append(out, p.contents...), make([]byte, sha256.Size)...)
	return sum(out)
}

// withJob returns the index of the n-th block that has transactions of the job.
func (p *parts) withJob(n int) int {
	for i := range p.blocks {
		if len(p.blocks[i].Transactions) > 0 {
			if n == 0 {
				return i
			}
			n--
		}
	}
	return -1
}

// pair returns transactions of the job in the first block that has several;
// the network of the fixture lets blocks stand long enough for one to have.
func (p *parts) pair() []evidence.Transaction {
	for i := range p.blocks {
		if x := p.blocks[i].Transactions; len(x) > 1 {
			return x
		}
	}
	panic("no block has two transactions of the job")
}

// testForged has each lie of somebody who knows the format.
func (h *trained) testForged(t *testing.T, whole []byte) {
	t.Helper()
	for name, lie := range map[string]struct {
		do   func(*parts)
		kind string
	}{
		"nothing": {func(*parts) {}, ""},
		"an answer is left out": {func(p *parts) {
			k := &p.blocks[p.withJob(1)]
			k.Transactions = k.Transactions[1:]
		}, "omitted"},
		"all of a block is left out": {func(p *parts) { p.blocks[p.withJob(1)].Transactions = nil }, "omitted"},
		"a result is left out": {func(p *parts) {
			k := &p.blocks[p.withJob(0)]
			k.Results = k.Results[:len(k.Results)-1]
		}, "result"},
		"a write is changed": {func(p *parts) {
			w := p.blocks[p.withJob(1)].Transactions[0].Writes
			w[0].Value = append(slices.Clone(w[0].Value), 0)
		}, "writes"},
		"two transactions swapped": {func(p *parts) {
			x := p.pair()
			x[0].Signed, x[1].Signed = x[1].Signed, x[0].Signed
		}, "transaction"},
		"out of order": {func(p *parts) {
			x := p.pair()
			x[0], x[1] = x[1], x[0]
		}, "omitted"},
		"another's signature": {func(p *parts) {
			x := p.blocks[p.withJob(1)].Transactions
			x[0].Signed = slices.Clone(x[0].Signed)
			x[0].Signed[len(x[0].Signed)-1] ^= 1
		}, "transaction"},
		"no quorum": {func(p *parts) {
			k := &p.blocks[len(p.blocks)-1]
			k.Signatures = k.Signatures[:2]
		}, "missing"},
		"a signature twice": {func(p *parts) {
			k := &p.blocks[len(p.blocks)-1]
			k.Signatures = append(slices.Clone(k.Signatures[:2]), k.Signatures[0])
		}, "signature"},
		"it begins later": {func(p *parts) { p.blocks, p.head.First = p.blocks[1:], p.head.First+1 }, "omitted"},
		"a block is missing": {func(p *parts) {
			p.blocks = slices.Delete(p.blocks, 1, 2)
			p.head.Last--
		}, "header"},
		"it ends sooner": {func(p *parts) {
			p.blocks = p.blocks[:len(p.blocks)-1]
			p.head.Last--
		}, "content"}, // model and card are not named yet
		"another job": {func(p *parts) { p.head.Job = h.other }, "transaction"},
		"a content too many": {func(p *parts) {
			last := ledger.Digest(bytes.Repeat([]byte{0xff}, 32))
			p.head.Contents, p.contents = append(p.head.Contents, evidence.Content{Digest: last, Size: 1}), append(slices.Clone(p.contents), 7)
		}, "content"},
		"two contents swapped": {func(p *parts) {
			a, b := int(p.head.Contents[0].Size), int(p.head.Contents[1].Size)
			rest := p.contents[a+b:]
			p.contents = slices.Concat(p.contents[a:a+b], p.contents[:a], rest)
			p.head.Contents[0].Size, p.head.Contents[1].Size = uint64(b), uint64(a)
		}, "any"},
		"another chain's genesis": {func(p *parts) {
			g, _, err := ledger.ParseGenesis(p.head.Genesis)
			if err != nil {
				t.Error(err)
				return
			}
			g.Time++
			if p.head.Genesis, err = ledger.Encode(g); err != nil {
				t.Error(err)
			}
		}, "header"},
		"a group of somebody's own": {func(p *parts) {
			g, _, err := ledger.ParseGenesis(p.head.Genesis)
			if err != nil {
				t.Error(err)
				return
			}
			next := g.Group
			next.Epoch = 1
			last := p.blocks[len(p.blocks)-1]
			p.head.Handovers = []ledger.Handover{{Header: last.Header, Signatures: last.Signatures, Next: next}}
		}, "groups"},
	} {
		p := split(t, whole)
		lie.do(p)
		r, err := check(t, p.join(t), evidence.Input{Genesis: ledger.Digest{}})
		if got := kind(&r); err != nil || got != lie.kind && (lie.kind != "any" || got == "") {
			t.Errorf("%s: %v, %v, want %q", name, r.First, err, lie.kind)
		}
	}
}

// testDishonest has a recorder whose source lies: the file does not verify.
func (h *trained) testDishonest(t *testing.T) {
	t.Helper()
	b := h.pack(t, h.job, true, func(e *evidence.Executed) {
		for i := range e.Writes {
			if len(e.Writes[i]) > 1 {
				e.Writes[i] = e.Writes[i][:1]
			}
		}
	})
	if r, err := check(t, b, evidence.Input{}); err != nil || kind(&r) != "writes" {
		t.Errorf("%v, %v", r.First, err)
	}
}

// TestHostileSizes has lengths that nothing stands behind.
func TestHostileSizes(t *testing.T) {
	t.Parallel()
	prefix := []byte("librumev\x00\x00\x00\x01")
	head, err := ledger.Encode(&evidence.Head{First: 1, Last: 1 << 60, Contents: []evidence.Content{{Size: 1 << 63}}})
	if err != nil {
		t.Fatal(err)
	}
	long := append(binary.BigEndian.AppendUint32(slices.Clone(prefix), uint32(len(head))), head...)
	empty, err := ledger.Encode(&evidence.Head{First: 1, Last: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	many := append(binary.BigEndian.AppendUint32(slices.Clone(prefix), uint32(len(empty))), empty...)
	for name, b := range map[string][]byte{
		"a head of 4 GiB":     append(slices.Clone(prefix), 0xff, 0xff, 0xff, 0xff),
		"another version":     append([]byte("librumev\x00\x00\x00\x02"), 0, 0, 0, 0),
		"another format":      append([]byte("librumxx\x00\x00\x00\x01"), 0, 0, 0, 0),
		"a content of 2^63":   long,
		"no head":             append(slices.Clone(prefix), 0, 0, 0, 0),
		"2^60 blocks, no one": many,
		"a block of 4 GiB":    append(slices.Clone(many), 0xff, 0xff, 0xff, 0xff),
	} {
		r, err := check(t, sum(append(slices.Clone(b), make([]byte, sha256.Size)...)), evidence.Input{})
		if right(r, err) {
			t.Errorf("%s: it is taken for right", name)
		}
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b := sum(make([]byte, 1000))
	if _, err := evidence.Open(ctx, bytes.NewReader(b), int64(len(b))); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

var _ verify.Files = (*evidence.File)(nil)
