package peer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/fl/train"
)

func TestPeerTrainsAndSubmits(t *testing.T) {
	t.Parallel()
	o, s := asked(t)
	if err := o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent, err := last[fl.SubmitUpdate](s, fl.MethodSubmitUpdate)
	if err != nil {
		t.Fatal(err)
	}
	if sent.Job != o.id || sent.Round != 1 || sent.Digest != ledger.Hash(s.update) || sent.Size != uint64(len(s.update)) {
		t.Errorf("submitted %+v, uploaded %d bytes", sent, len(s.update))
	}
	if sent.NumExamples != 9 || len(sent.Metrics) != 2 || len(sent.Receipts) != 2 {
		t.Errorf("submitted %+v, want 9 examples, two metrics, both receipts", sent)
	}
	if _, err := train.DecodeFile(bytes.NewReader(s.update), int64(len(s.update)), train.FromJob(&o.spec)); err != nil {
		t.Errorf("the update: %v", err)
	}
	if bytes.Equal(s.update, o.model) {
		t.Error("the update is the model that the round began with")
	}
	for _, c := range s.calls {
		if c.Sender != contracttest.ID(contracttest.Peer(0)) || c.Chain != o.Chain || c.Contract != fl.Name {
			t.Errorf("signed %+v", c)
		}
	}
}

// TestPeersShuffleForThemselves has two peers with the same rows send different
// updates, and each of them the same one again.
func TestPeersShuffleForThemselves(t *testing.T) {
	t.Parallel()
	var updates [][]byte
	for _, i := range []int{0, 1, 0} {
		o, err := open(func(s *job.Spec) { s.Train.BatchSize = 2 }, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := o.ask()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.newPeer(i, s, rows(9, 4, 3)).Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		updates = append(updates, s.update)
	}
	if bytes.Equal(updates[0], updates[1]) {
		t.Error("two peers with the same rows trained alike")
	}
	if !bytes.Equal(updates[0], updates[2]) {
		t.Error("one peer trained the same round twice with different bits")
	}
}

// TestCapBoundsTheClaim has a peer with more rows than the job counts.
func TestCapBoundsTheClaim(t *testing.T) {
	t.Parallel()
	o, err := open(func(s *job.Spec) { s.MaxNumExamples = 4 }, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.ask()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent, err := last[fl.SubmitUpdate](s, fl.MethodSubmitUpdate)
	if err != nil || sent.NumExamples != 4 {
		t.Errorf("submitted %+v, error %v; want 4 examples", sent, err)
	}
}

// TestPeerDeclines cites peer(3): what can't be done is declined at once.
func TestPeerDeclines(t *testing.T) {
	t.Parallel()
	other, err := train.InitialModel(train.Spec{Layers: []int{3, 4}, LocalEpochs: 1, BatchSize: 1, LearningRate: 1})
	if err != nil {
		t.Fatal(err)
	}
	// As many bytes as the job's model, but another shape.
	wrong, err := train.EncodeFile(other)
	if err != nil {
		t.Fatal(err)
	}
	steep := func(s *job.Spec) { s.Train.LearningRate, s.Train.LocalEpochs = job.MaxLearningRate, 50 }
	loud := rows(9, 4, 3)
	for i := range loud.Features {
		loud.Features[i] *= 1e20
	}
	right, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*job.Spec)
		model  []byte
		data   data.Dataset
		reason fl.Decline
		models int
	}{
		{name: "other features", data: rows(9, 5, 3), reason: fl.DeclinedData, models: 1},
		{name: "more classes", data: rows(9, 4, 4), reason: fl.DeclinedData, models: 1},
		{name: "no rows", data: data.Dataset{Columns: 4, Classes: 3}, reason: fl.DeclinedData, models: 1},
		{name: "diverging", change: steep, data: loud, reason: fl.DeclinedTraining, models: 1},
		{name: "a model of another size", model: []byte("short"), data: rows(9, 4, 3), reason: fl.DeclinedTraining},
		{name: "a model that is none", model: make([]byte, len(right.model)), data: rows(9, 4, 3), reason: fl.DeclinedTraining, models: 1},
		{name: "another model", model: pad(wrong, len(right.model)), data: rows(9, 4, 3), reason: fl.DeclinedTraining, models: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, err := open(c.change, c.model)
			if err != nil {
				t.Fatal(err)
			}
			s, err := o.ask()
			if err != nil {
				t.Fatal(err)
			}
			if err := o.newPeer(0, s, c.data).Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			declined, err := last[fl.DeclineUpdate](s, fl.MethodDeclineUpdate)
			if err != nil || declined.Reason != c.reason {
				t.Errorf("declined as %+v, error %v; want reason %q", declined, err, c.reason)
			}
			if s.models != c.models || s.update != nil {
				t.Errorf("the model was fetched %d times, want %d; %d bytes were uploaded", s.models, c.models, len(s.update))
			}
		})
	}
}

func pad(b []byte, n int) []byte {
	return append(slices.Clone(b), make([]byte, max(0, n-len(b)))...)[:n]
}

// endless yields zeros and counts them.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	clear(p)
	e.read += len(p)
	return len(p), nil
}

// TestServerCannotFloodThePeer has a server stream without end.
func TestServerCannotFloodThePeer(t *testing.T) {
	t.Parallel()
	o, s := asked(t)
	flood := &endless{}
	s.model = flood
	if err := o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context()); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("error %v, want that the digest is another", err)
	}
	if flood.read > len(o.model)+1 {
		t.Errorf("read %d bytes of a model of %d", flood.read, len(o.model))
	}
	if s.update != nil || s.submits != 1 {
		t.Errorf("%d bytes were uploaded, %d calls made; want none but the registration", len(s.update), s.submits)
	}
}

// TestMovedOnLedgerIsNoError has the ledger refuse what comes too late.
func TestMovedOnLedgerIsNoError(t *testing.T) {
	t.Parallel()
	for code, wantErr := range map[ledger.Code]bool{
		fl.CodeAnswered: false, fl.CodeRoundState: false, fl.CodeJobOver: false,
		fl.CodeBadReceipt: true, fl.CodeNotInCohort: true, contract.CodeBadArguments: true,
	} {
		o, err := open(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := o.ask()
		if err != nil {
			t.Fatal(err)
		}
		s.code = code
		err = o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context())
		if (err != nil) != wantErr || wantErr && !strings.Contains(err.Error(), string(code)) {
			t.Errorf("refused as %s: error %v, want one: %t", code, err, wantErr)
		}
	}
}

// TestRoundOver: an update that its round takes no more, since others came first, is
// no error, and nothing is submitted.
func TestRoundOver(t *testing.T) {
	t.Parallel()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := o.ask()
	if err != nil {
		t.Fatal(err)
	}
	s.uploadErr = fmt.Errorf("round 1 is closed: %w", peer.ErrRoundOver)
	if err := o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context()); err != nil || s.update == nil || s.submits != 1 {
		t.Errorf("%v, %d bytes uploaded, %d calls", err, len(s.update), s.submits)
	}
}

func TestPeerRegistersOnce(t *testing.T) {
	t.Parallel()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{}
	p := o.newPeer(0, s, rows(9, 4, 3))
	for range 3 {
		if err := p.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if s.submits != 1 || s.calls[0].Method != fl.MethodRegisterPeer {
		t.Errorf("%d calls, want one registration", s.submits)
	}
	args, err := last[fl.RegisterPeer](s, fl.MethodRegisterPeer)
	if err != nil || !args.Available {
		t.Errorf("registered as %+v, error %v", args, err)
	}
	signed := s.calls[0]
	if signed.Expiry <= contracttest.Start || signed.Expiry > contracttest.Start+10*60_000 {
		t.Errorf("it expires %d ms from now, at most 10 minutes are allowed", signed.Expiry-contracttest.Start)
	}
}

// TestPeerRetries lets the node be away: rests grow from 0.2 s to 10 s, and
// begin anew once it answered. The time is synctest's.
func TestPeerRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, err := open(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var rests []time.Duration
		previous := time.Now()
		s := &server{taskErr: func() error {
			rests = append(rests, time.Since(previous))
			previous = time.Now()
			switch len(rests) {
			case 10:
				return nil // and no task
			case 13:
				cancel()
			}
			return errors.New("the node is away")
		}}
		if err := o.newPeer(0, s, rows(9, 4, 3)).Run(ctx); err != nil {
			t.Errorf("Run ended with %v", err)
		}
		ms := make([]int64, len(rests))
		for i, r := range rests {
			ms[i] = r.Milliseconds()
		}
		want := []int64{0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 0, 200, 400}
		if !slices.Equal(ms, want) {
			t.Errorf("rests of %v ms, want %v", ms, want)
		}
	})
}

// TestUploadIsTriedAgain has the upload fail once: the round is trained again
// to the same bits, and submitted.
func TestUploadIsTriedAgain(t *testing.T) {
	t.Parallel()
	o, s := asked(t)
	s.uploadErr = errors.New("the disk is full")
	p := o.newPeer(0, s, rows(9, 4, 3))
	if err := p.Step(t.Context()); !errors.Is(err, s.uploadErr) {
		t.Fatalf("error %v, want %v", err, s.uploadErr)
	}
	first := s.update
	s.uploadErr, s.model = nil, bytes.NewReader(o.model)
	if err := p.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, s.update) {
		t.Error("the second try gave another update")
	}
	if _, err := last[fl.SubmitUpdate](s, fl.MethodSubmitUpdate); err != nil {
		t.Error(err)
	}
}

// TestSignatureIsThePeers looks at a whole signed transaction.
func TestSignatureIsThePeers(t *testing.T) {
	t.Parallel()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var kept []byte
	s := &keeping{server: &server{}, keep: func(b []byte) { kept = b }}
	if err := o.newPeer(1, s, rows(3, 4, 3)).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, envelope, err := ledger.ParseTransaction(kept)
	if err != nil {
		t.Fatal(err)
	}
	if !identity.VerifyEnvelope(keyOf(contracttest.Peer(1)).Public(), &envelope, ledger.KindTransaction) {
		t.Error("the signature is not the peer's")
	}
}

// keeping keeps what is submitted.
type keeping struct {
	*server
	keep func([]byte)
}

func (k *keeping) Submit(ctx context.Context, signed []byte) (ledger.Code, string, error) {
	k.keep(signed)
	return k.server.Submit(ctx, signed)
}

var _ peer.Server = (*keeping)(nil)

// TestPeerFollowsTheLimits cites peer(6): calls expire within the limits in
// force, also where these were lowered after the peer had asked for them.
func TestPeerFollowsTheLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says []time.Duration
		want []time.Duration // by which the calls expire
	}{
		"the default":      {want: []time.Duration{5 * time.Minute, 5 * time.Minute}},
		"a shorter one":    {says: []time.Duration{time.Minute}, want: []time.Duration{30 * time.Second, 30 * time.Second}},
		"lowered meantime": {says: []time.Duration{time.Hour, time.Minute}, want: []time.Duration{5 * time.Minute, 30 * time.Second, 30 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := open(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			s, err := o.ask()
			if err != nil {
				t.Fatal(err)
			}
			s.maxTTL = c.says
			if err := o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.expires, c.want) {
				t.Errorf("the calls expire %v ahead, want %v", s.expires, c.want)
			}
			if _, err := last[fl.SubmitUpdate](s, fl.MethodSubmitUpdate); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPeerSignsForNoNonsense has a node say that nothing may wait at all.
func TestPeerSignsForNoNonsense(t *testing.T) {
	t.Parallel()
	o, s := asked(t)
	s.maxTTL = []time.Duration{-time.Second}
	if err := o.newPeer(0, s, rows(9, 4, 3)).Step(t.Context()); err == nil || s.submits != 0 {
		t.Errorf("error %v, %d calls were signed", err, s.submits)
	}
}

// TestPeerChangesItsKey has a key end while the peer trains: what it signed is
// refused, and the same round is answered under the next one.
func TestPeerChangesItsKey(t *testing.T) {
	t.Parallel()
	o, s := asked(t)
	s.code = contract.CodeNotPermitted
	next := keyOf("the peer's next")
	var renewed bool
	p := o.newPeerWith(0, s, rows(9, 4, 3), func(c *peer.Config) {
		c.Renewed = func(context.Context) (*identity.Key, peer.Server) {
			if !renewed {
				return nil, nil
			}
			return next, s
		}
	})
	if err := p.Step(t.Context()); err == nil {
		t.Fatal("an ended key submits")
	}
	if _, err := last[fl.DeclineUpdate](s, fl.MethodDeclineUpdate); err == nil {
		t.Error("the round was declined")
	}
	s.code, renewed, s.model = "", true, bytes.NewReader(o.model)
	if err := p.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.keys[len(s.keys)-1]; got != next.ID() {
		t.Errorf("signed with %s, want %s", got.Short(), next.ID().Short())
	}
	if s.keys[0] == next.ID() {
		t.Error("the first key was never used")
	}
}
