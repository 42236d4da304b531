package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// Peer returns a registered peer.
func (c *Client) Peer(ctx context.Context, id ledger.ID) (v1.Peer, error) {
	var out v1.Peer
	return out, c.do(ctx, get("/v1/peers/"+id.String(), nil, &out))
}

// Peers lists registered peers in the order of their ids.
func (c *Client) Peers(ctx context.Context, page Page) (v1.Peers, error) {
	var out v1.Peers
	return out, c.do(ctx, get("/v1/peers", page.query(), &out))
}

// Task waits for a task of the peer, at most wait, in whole seconds; nil where
// there was none.
func (c *Client) Task(ctx context.Context, peer ledger.ID, wait time.Duration) (*v1.Task, error) {
	var out v1.Task
	k := get("/v1/peers/"+peer.String()+"/tasks", url.Values{"wait_s": {strconv.Itoa(int(wait.Seconds()))}}, &out)
	k.timeout = wait + c.options.Timeout
	if err := c.do(ctx, k); err != nil || k.status == http.StatusNoContent {
		return nil, err
	}
	return &out, nil
}
