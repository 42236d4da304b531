package localnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/api"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/internal/durable"
)

// Handler returns the HTTP interface of node 0, to which the network's token
// belongs.
func (n *Network) Handler(logger *slog.Logger) (http.Handler, error) {
	config, err := n.Door(0, logger)
	if err != nil {
		return nil, err
	}
	return api.New(config)
}

// Door returns what the HTTP interface of the index-th node stands on.
func (n *Network) Door(index int, logger *slog.Logger) (api.Config, error) {
	genesis, err := n.Dir.ReadGenesis()
	if err != nil {
		return api.Config{}, err
	}
	return n.Nodes[index].Door(genesis, logger), nil
}

// ReadToken reads the bearer token of the network.
func (d Dir) ReadToken() (string, error) {
	b, err := durable.ReadFile(d.Token(), 4<<10)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(b)), nil
}

// Serve answers on the listener, and on the others, as node 0 until ctx ends.
func (n *Network) Serve(ctx context.Context, listener net.Listener, logger *slog.Logger, others ...net.Listener) error {
	listeners := append([]net.Listener{listener}, others...)
	handler, err := n.Handler(logger) //nolint:contextcheck // requests bring their own
	if err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		group.Go(func() error { return api.Serve(ctx, l, handler) })
	}
	return group.Wait()
}

// Remote is a node behind HTTP as a peer sees it.
type Remote struct{ Client *client.Client }

var _ peer.Server = Remote{}

// pollTime is how long one poll for a task lasts.
const pollTime = 25 * time.Second

// Task implements [peer.Server].
func (r Remote) Task(ctx context.Context, id ledger.ID) (*peer.Task, error) {
	t, err := r.Client.Task(ctx, id, pollTime)
	if err != nil || t == nil {
		return nil, err
	}
	return &peer.Task{Job: t.Job, Round: t.Round, Attempt: t.Attempt, Proof: t.Proof}, nil
}

// Model implements [peer.Server].
func (r Remote) Model(ctx context.Context, digest ledger.Digest) (io.ReadCloser, error) {
	return r.Client.Blob(ctx, digest)
}

// Upload implements [peer.Server].
func (r Remote) Upload(ctx context.Context, id ledger.ID, t *peer.Task, update []byte, _ ledger.Digest) ([][]byte, error) {
	done, err := r.Client.Upload(ctx, client.NewUpload(t.Job, t.Round, id, update), bytes.NewReader(update))
	if client.IsCode(err, "round_state") || client.IsCode(err, "answered") {
		err = fmt.Errorf("%w: %w", peer.ErrRoundOver, err)
	}
	return done.Receipts, err
}

// WatchInterval is how often a peer behind HTTP asks whether its round is over.
const WatchInterval = 2 * time.Second

// Wanted implements [peer.Server]: a round that waits for the peer is given to
// it as a task again. Where that is another job's, nothing is known of this one.
func (r Remote) Wanted(ctx context.Context, id ledger.ID, t *peer.Task) (bool, error) {
	asked, err := r.Client.Task(ctx, id, 0)
	if err != nil || asked == nil {
		return false, err
	}
	return asked.Job != t.Job || asked.Round == t.Round && asked.Attempt == t.Attempt, nil
}

// Groups implements [peer.Server].
func (r Remote) Groups(ctx context.Context, from uint64) ([]byte, error) {
	g, err := r.Client.Groups(ctx, from)
	return g.Trail, err
}

// MaxTTL implements [peer.Server].
func (r Remote) MaxTTL(ctx context.Context) (time.Duration, error) {
	g, err := r.Client.Governance(ctx)
	return time.Duration(g.Limits.MaxTTL) * time.Millisecond, err
}

// Submit implements [peer.Server].
func (r Remote) Submit(ctx context.Context, signed []byte) (ledger.Code, string, error) {
	out, err := r.Client.SubmitBatch(ctx, [][]byte{signed}, client.Executed)
	if err != nil {
		return "", "", err
	}
	if len(out) != 1 {
		return "", "", fmt.Errorf("submit one transaction: %d outcomes", len(out))
	}
	return out[0].Code, out[0].Detail, nil
}
