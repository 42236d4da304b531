package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// cheatingPeer has peer 0 lie three times in the first round that asks it:
// around its honest submission it signs a digest that is not that of the file
// it uploaded, claims more examples than the job allows, and submits a second
// time.
type cheatingPeer struct {
	most uint64 // examples that the job lets a peer claim

	mu   sync.Mutex
	id   ledger.ID
	told *fl.SubmitUpdate // the honest submission; nil before it
	lies []peerLie
}

// peerLie is one transaction that must be refused.
type peerLie struct {
	what string
	want ledger.Code
	id   ledger.Digest // of the transaction
	code ledger.Code   // what became of it
	why  string
}

func peerCheat(spec *job.Spec) *cheat {
	c := &cheatingPeer{most: uint64(spec.MaxNumExamples)} // from 1
	seats := localnet.Cheat{Server: func(index int, honest peer.Config) peer.Server {
		remote, ok := honest.Server.(localnet.Remote)
		if !ok || index != 0 {
			return honest.Server
		}
		return &lyingServer{Remote: remote, config: honest, cheat: c}
	}}
	return withinJob("peer", "a peer signs a digest that is not its file's, claims too many examples, submits twice", seats, c.tell)
}

// lyingServer is the node as the lying peer sees it.
type lyingServer struct {
	localnet.Remote

	config peer.Config
	cheat  *cheatingPeer
}

// Submit implements [peer.Server]. Lies and truth go in one batch, whose order
// the ledger keeps: nothing closes the round before the second submission.
func (s *lyingServer) Submit(ctx context.Context, signed []byte) (ledger.Code, string, error) {
	s.cheat.mu.Lock()
	defer s.cheat.mu.Unlock()
	t, _, err := ledger.ParseTransaction(signed)
	if err != nil || t.Method != fl.MethodSubmitUpdate || s.cheat.told != nil {
		return s.Remote.Submit(ctx, signed)
	}
	var honest fl.SubmitUpdate
	if err := ledger.Decode("arguments", t.Args, len(t.Args), &honest); err != nil {
		return "", "", err
	}
	mismatch, excess := honest, honest
	mismatch.Digest[0] ^= 1
	excess.NumExamples = s.cheat.most + 1
	lies := []peerLie{
		{what: fmt.Sprintf("signed digest %s, though it had uploaded %s", mismatch.Digest.Short(), honest.Digest.Short()), want: fl.CodeBadReceipt},
		{what: fmt.Sprintf("claimed %d examples, though the job allows %d", excess.NumExamples, s.cheat.most), want: contract.CodeBadArguments},
		{what: "submitted a second time", want: fl.CodeAnswered},
	}
	batch := [][]byte{nil, nil, signed, nil}
	for i, args := range map[int]*fl.SubmitUpdate{0: &mismatch, 1: &excess, 3: &honest} {
		if batch[i], err = s.sign(&t, args); err != nil {
			return "", "", err
		}
	}
	out, err := s.Client.SubmitBatch(ctx, batch, client.Executed)
	if err != nil {
		return "", "", err
	}
	for i, at := range []int{0, 1, 3} {
		lies[i].id, lies[i].code, lies[i].why = out[at].ID, out[at].Code, out[at].Detail
	}
	s.cheat.id, s.cheat.told, s.cheat.lies = s.config.ID, &honest, lies
	return out[2].Code, out[2].Detail, nil
}

// sign returns a transaction of the same kind with other arguments and a nonce
// of its own.
func (s *lyingServer) sign(t *ledger.Transaction, args *fl.SubmitUpdate) ([]byte, error) {
	other := *t
	var err error
	if other.Args, err = ledger.Encode(args); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(s.config.Random, other.Nonce[:]); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	e, err := other.Sign(s.config.Key.ID(), s.config.Key.Sign)
	if err != nil {
		return nil, err
	}
	return e.Bytes(), nil
}

func (c *cheatingPeer) tell(ctx context.Context, s *cheatScene, say func(string, ...any)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		return errors.New("no round asked the lying peer")
	}
	for _, lie := range c.lies {
		recorded, err := s.client.Transaction(ctx, lie.id)
		if err != nil {
			return fmt.Errorf("look for transaction %s on the ledger: %w", lie.id, err)
		}
		if recorded.Content == nil || recorded.Content.Sender != c.id || !recorded.Final {
			return fmt.Errorf("transaction %s does not stand in a final block in the name of peer %s", lie.id, c.id)
		}
		say("peer-0 (%s) %s: refused as %s (%s).", c.id.Short(), lie.what, recorded.Code, lie.why)
		say("  transaction %s in block %d", recorded.ID, recorded.Content.Height)
		if lie.code != lie.want || recorded.Code != lie.want {
			return fmt.Errorf("it was to be refused as %s", lie.want)
		}
	}
	var u *fl.Update
	err := s.network.Nodes[0].View(ctx, func(state contract.Range, _ int64) error {
		row, ok, err := fl.LoadUpdate(state, s.job, c.told.Round, c.id)
		if err == nil && !ok {
			err = fmt.Errorf("round %d has no row of peer %s", c.told.Round, c.id)
		}
		u = row
		return err
	})
	if err != nil {
		return err
	}
	if u.State != fl.UpdateSubmitted || u.Digest != c.told.Digest || u.NumExamples != c.told.NumExamples {
		return fmt.Errorf("its row in round %d says %+v, want its honest submission", c.told.Round, u)
	}
	say("Round %d counts its one honest update, %s with %d examples; the job lost nothing.", c.told.Round, u.Digest.Short(), u.NumExamples)
	return nil
}
