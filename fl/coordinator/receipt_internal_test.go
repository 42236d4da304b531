package coordinator

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// holders are other nodes: some vouch, some refuse, the others take requests and
// answer none.
type holders struct {
	Link

	vouches, refuses []ledger.ID
}

var errRefused = errors.New("no")

func (h holders) Hold(ctx context.Context, of ledger.ID, _ Upload) ([]byte, error) {
	switch {
	case slices.Contains(h.vouches, of):
		return of[:], nil
	case slices.Contains(h.refuses, of):
		return nil, errRefused
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestStuckNodesAreNotWaitedFor has nodes that are asked first never answer: the
// one behind them vouches within seconds, and nothing is left behind.
func TestStuckNodesAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	a, b, c := ledger.ID{1}, ledger.ID{2}, ledger.ID{3}
	for _, test := range []struct {
		name     string
		link     holders
		nodes    []ledger.ID
		from     ledger.ID
		wantErr  error
		atMost   time.Duration
		patience time.Duration
	}{
		{name: "the first", link: holders{vouches: []ledger.ID{a, b}}, nodes: []ledger.ID{a, b}, from: a},
		{name: "one refuses", link: holders{vouches: []ledger.ID{c}, refuses: []ledger.ID{a, b}}, nodes: []ledger.ID{a, b, c}, from: c},
		{name: "two are stuck", link: holders{vouches: []ledger.ID{c}}, nodes: []ledger.ID{a, b, c}, from: c, atMost: 2 * hedgeTime},
		{name: "one is stuck, one refuses", link: holders{vouches: []ledger.ID{c}, refuses: []ledger.ID{b}}, nodes: []ledger.ID{a, b, c}, from: c, atMost: hedgeTime},
		{name: "all refuse", link: holders{refuses: []ledger.ID{a, b}}, nodes: []ledger.ID{a, b}, wantErr: errRefused},
		{name: "nobody", wantErr: errAlone},
		{
			name: "stuck or refusing", link: holders{refuses: []ledger.ID{b}}, nodes: []ledger.ID{a, b}, wantErr: context.DeadlineExceeded,
			patience: 30 * time.Second, atMost: 30 * time.Second,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, began := &Service{link: test.link, owed: map[ledger.ID]int{}}, time.Now()
			ctx := t.Context()
			if test.patience > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, test.patience)
				defer cancel()
			}
			receipt, err := s.firstToHold(ctx, test.nodes, Upload{})
			if !errors.Is(err, test.wantErr) || err == nil && ledger.ID(receipt) != test.from {
				t.Errorf("%s: %x, %v", test.name, receipt, err)
			}
			if took := time.Since(began); took > test.atMost || len(s.owed) != 0 {
				t.Errorf("%s: after %s, want %s at most; %v owe an answer", test.name, took, test.atMost, s.owed)
			}
		})
	}
}
