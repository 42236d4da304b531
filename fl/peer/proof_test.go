package peer_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
)

// deceit is a task whose proof does not hold.
type deceit struct {
	name       string
	change     func(*block)
	afterwards func(*ledger.ResultProof)
	task       func(*peer.Task)
	self       int // which peer is asked
}

var deceits = []deceit{
	{name: "another chain", change: func(b *block) { b.header.Chain[0] ^= 1 }},
	{name: "another epoch", change: func(b *block) { b.header.Epoch++ }},
	{name: "another version", change: func(b *block) { b.header.Version++ }},
	{name: "no signatures", change: func(b *block) { b.signers = nil }},
	{name: "too few signatures", change: func(b *block) { b.signers = []int{0, 3} }},
	{name: "one node's signature three times", change: func(b *block) { b.signers = []int{1, 1, 1} }},
	{name: "more signatures than nodes", change: func(b *block) { b.signers = []int{0, 1, 2, 3, 3} }},
	{name: "a node outside the group", change: func(b *block) { b.signers = []int{0, 1, 7} }},
	{name: "a signature changed", afterwards: func(p *ledger.ResultProof) { p.Signatures[1].Signature[5] ^= 1 }},
	{name: "a signature in another's name", afterwards: func(p *ledger.ResultProof) {
		p.Signatures[2].Node = contracttest.ID(contracttest.Node(3))
	}},
	{name: "the header changed after it was signed", afterwards: func(p *ledger.ResultProof) { p.Header[len(p.Header)-1] ^= 1 }},
	{name: "the leaf changed", afterwards: func(p *ledger.ResultProof) { p.Leaf[len(p.Leaf)-1] ^= 1 }},
	{name: "a path too short", afterwards: func(p *ledger.ResultProof) { p.Path = p.Path[:1] }},
	{name: "another place", afterwards: func(p *ledger.ResultProof) { p.Index = 0 }},
	{name: "a place outside", afterwards: func(p *ledger.ResultProof) { p.Index = 3 }},
	{name: "no header", afterwards: func(p *ledger.ResultProof) { p.Header = nil }},
	{name: "the leaf of another transaction", change: func(b *block) { b.index = 0 }},
	{name: "the leaf of one without events", change: func(b *block) { b.results[1].Events = nil }},
	{name: "a transaction that was refused", change: func(b *block) { b.results[1].Code = fl.CodeStaleTerm }},
	{name: "an event that is none", change: func(b *block) {
		b.results[1].Events = []ledger.Event{{Type: fl.EventRoundOpened, Data: []byte{0x01}}}
	}},
	{name: "another job", task: func(t *peer.Task) { t.Job[0] ^= 1 }},
	{name: "another round", task: func(t *peer.Task) { t.Round = 2 }},
	{name: "another attempt", task: func(t *peer.Task) { t.Attempt = 2 }},
	{name: "a peer that is not asked", self: 2},
	{name: "no proof", task: func(t *peer.Task) { t.Proof = nil }},
	{name: "bytes that are no proof", task: func(t *peer.Task) { t.Proof = bytes.Repeat([]byte{0x9f}, 100) }},
	{name: "a proof that breaks off", task: func(t *peer.Task) { t.Proof = t.Proof[:len(t.Proof)-1] }},
	{name: "a byte after the proof", task: func(t *peer.Task) { t.Proof = append(t.Proof, 0) }},
	{name: "a proof too large", task: func(t *peer.Task) { t.Proof = make([]byte, ledger.MaxProofBytes+1) }},
}

func (d *deceit) server(o *opening) (*server, error) {
	proof, err := o.proof(d.change, d.afterwards)
	if err != nil {
		return nil, err
	}
	s := &server{task: &peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: proof}, model: bytes.NewReader(o.model)}
	if d.task != nil {
		d.task(s.task)
	}
	return s, nil
}

// TestUnprovenTaskIsLeftAlone cites peer(1): for none of the deceits anything is
// fetched, trained or signed.
func TestUnprovenTaskIsLeftAlone(t *testing.T) {
	t.Parallel()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deceits {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s, err := d.server(o)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := peer.CheckTask(s.task, contracttest.ID(contracttest.Peer(d.self)), o.groups())
			if !errors.Is(err, peer.ErrTask) || opened != nil {
				t.Errorf("CheckTask returned %+v, error %v, want %v", opened, err, peer.ErrTask)
			}
			if err := o.newPeer(d.self, s, rows(6, 4, 3)).Step(t.Context()); !errors.Is(err, peer.ErrTask) {
				t.Errorf("the step ended with %v, want %v", err, peer.ErrTask)
			}
			if s.models != 0 || s.update != nil {
				t.Errorf("the model was asked for %d times, %d bytes were uploaded", s.models, len(s.update))
			}
			if _, err := last[fl.DeclineUpdate](s, fl.MethodDeclineUpdate); err == nil {
				t.Error("the peer declined a round that may ask it for all it knows")
			}
		})
	}
}

// drawing is what a proof of a drawn cohort may say.
type drawing struct {
	name   string
	other  bool // ask the peer that was not drawn
	change func(*fl.RoundOpened)
	ok     bool
}

var drawings = []drawing{
	{name: "as it is", ok: true},
	{name: "not drawn", other: true},
	{name: "opened without a draw", change: func(e *fl.RoundOpened) { e.Seed = ledger.Digest{} }},
	{name: "a cohort of another size", change: func(e *fl.RoundOpened) { e.Roster = 7 }},
	{name: "a cohort without over-selection", change: func(e *fl.RoundOpened) { e.Spec.OverSelection = 1 }},
	{name: "drawn though all are asked", change: func(e *fl.RoundOpened) { e.Spec.FractionTrain = 1 }},
}

// openDrawn opens a round that asks one of two peers.
func openDrawn() (*opening, error) {
	return open(func(s *job.Spec) { s.FractionTrain, s.MinTrainPeers = 0.5, 1 }, nil)
}

// task returns the task of an opening by openDrawn, and which peer it asks.
func (d *drawing) task(o *opening) (*peer.Task, int, error) {
	self := slices.IndexFunc([]int{0, 1}, func(i int) bool { return o.event.Cohort[0] == contracttest.ID(contracttest.Peer(i)) })
	if d.other {
		self = 1 - self
	}
	event := o.event
	if d.change != nil {
		d.change(&event)
	}
	data, err := ledger.Encode(&event)
	if err != nil {
		return nil, 0, err
	}
	proof, err := o.proof(func(b *block) { b.results[1].Events = []ledger.Event{{Type: fl.EventRoundOpened, Data: data}} }, nil)
	return &peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: proof}, self, err
}

// TestDrawnTask takes the proof of a drawn cohort, and refuses what does not go
// together with the job, even where a quorum signed it.
func TestDrawnTask(t *testing.T) {
	t.Parallel()
	o, err := openDrawn()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range drawings {
		task, self, err := d.task(o)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := peer.CheckTask(task, contracttest.ID(contracttest.Peer(self)), o.groups())
		if d.ok != (err == nil) || d.ok != (opened != nil) || err != nil && !errors.Is(err, peer.ErrTask) {
			t.Errorf("%s: %+v, %v", d.name, opened, err)
		}
	}
}

func TestProvenTaskSaysAll(t *testing.T) {
	t.Parallel()
	o, err := open(func(s *job.Spec) { s.Seed = 77 }, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, signers := range [][]int{{0, 1, 2}, {3, 1, 0}, {0, 1, 2, 3}} {
		proof, err := o.proof(func(b *block) { b.signers = signers }, nil)
		if err != nil {
			t.Fatal(err)
		}
		task := peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: proof}
		opened, err := peer.CheckTask(&task, contracttest.ID(contracttest.Peer(1)), o.groups())
		if err != nil {
			t.Fatal(err)
		}
		if opened.Model != ledger.Hash(o.model) || opened.ModelSize != uint64(len(o.model)) || opened.Spec.Seed != 77 || len(opened.Cohort) != 2 {
			t.Errorf("signed by %v: %+v", signers, opened)
		}
	}
}

// TestPeerFollowsTheGroups has the round open in an epoch whose group the peer
// does not know yet: it asks for the trail once, and believes what it proves.
func TestPeerFollowsTheGroups(t *testing.T) {
	t.Parallel()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	next := ledger.Group{Epoch: 1, Nodes: o.Group.Nodes[1:]} // the first in order of ids leaves
	left := slices.IndexFunc([]int{0, 1, 2, 3}, func(i int) bool { return contracttest.ID(contracttest.Node(i)) == o.Group.Nodes[0].Node })
	var stay []int
	for i := range 4 {
		if i != left {
			stay = append(stay, i)
		}
	}
	handover := func(signers []int) []byte {
		digest, err := next.Digest()
		if err != nil {
			t.Fatal(err)
		}
		header := ledger.Header{Version: ledger.Version, Chain: o.Chain, Height: 7, Group: digest}
		h := ledger.Handover{Next: next}
		if h.Header, err = header.Bytes(); err != nil {
			t.Fatal(err)
		}
		for _, i := range signers {
			key := keyOf(contracttest.Node(i))
			h.Signatures = append(h.Signatures, ledger.SignHeader(7, h.Header, contracttest.ID(contracttest.Node(i)), key.ID(), key.Sign))
		}
		b, err := ledger.Encode(&ledger.GroupTrail{Handovers: []ledger.Handover{h}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tt := range []struct {
		name    string
		height  uint64
		signers []int // of the round's block
		trail   []byte
		fails   error
	}{
		{"a quorum of the new group", 8, stay, handover(stay), nil},
		{"a handover without a quorum", 8, stay, handover(stay[:2]), peer.ErrTask},
		{"no handover", 8, stay, []byte{0x81, 0x80}, ledger.ErrEpoch},
		{"a node that has left", 8, []int{left, stay[0], stay[1]}, handover(stay), peer.ErrTask},
		{"a height before the epoch", 7, stay, handover(stay), peer.ErrTask},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proof, err := o.proof(func(b *block) { b.header.Epoch, b.header.Height, b.signers = 1, tt.height, tt.signers }, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := &server{task: &peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: proof}, model: bytes.NewReader(o.model), trail: tt.trail}
			p := o.newPeer(0, s, rows(9, 4, 3))
			for range 2 {
				if err := p.Step(t.Context()); !errors.Is(err, tt.fails) {
					t.Fatalf("the step ended with %v, want %v", err, tt.fails)
				}
				s.model = bytes.NewReader(o.model)
			}
			if (s.update != nil) != (tt.fails == nil) {
				t.Errorf("%d bytes were uploaded", len(s.update))
			}
			if tt.fails == nil && s.asked != 1 {
				t.Errorf("the trail was asked for %d times, want once", s.asked)
			}
		})
	}
}

func FuzzCheckTask(f *testing.F) {
	o, err := open(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	good, err := o.proof(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, d := range deceits {
		s, err := d.server(o)
		if err != nil {
			f.Fatal(err)
		}
		if len(s.task.Proof) < 1<<16 {
			f.Add(s.task.Proof)
		}
	}
	self := contracttest.ID(contracttest.Peer(0))
	f.Fuzz(func(t *testing.T, proof []byte) {
		opened, err := peer.CheckTask(&peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: proof}, self, o.groups())
		if err != nil {
			if !errors.Is(err, peer.ErrTask) {
				t.Errorf("error %v, want %v", err, peer.ErrTask)
			}
			return
		}
		// Nobody but the group can make another proof that holds.
		if opened.Model != o.event.Model || opened.ModelSize != o.event.ModelSize {
			t.Errorf("proven: %+v, the ledger says %+v", opened, o.event)
		}
	})
}
