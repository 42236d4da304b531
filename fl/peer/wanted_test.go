package peer_test

import (
	"context"
	"io"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/peer"
)

// gone is a server whose job has ended while the peer was at work: what the
// peer asks for never comes.
type gone struct{ *server }

func (g gone) Model(ctx context.Context, _ ledger.Digest) (io.ReadCloser, error) {
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func (g gone) Wanted(context.Context, ledger.ID, *peer.Task) (bool, error) { return false, nil }

// TestUnwantedRoundIsLeft has the job end while the peer is at work: it stops,
// signs nothing and goes on with the next task.
func TestUnwantedRoundIsLeft(t *testing.T) {
	t.Parallel()
	o, s := asked(t)
	if err := o.newPeer(0, gone{s}, rows(9, 4, 3)).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.submits != 1 { // the registration
		t.Errorf("%d transactions were submitted, want the registration alone", s.submits)
	}
}
