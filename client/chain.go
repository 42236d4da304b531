package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// Page says which part of a list is asked for. The zero value is the first
// page.
type Page struct {
	Cursor string // next_cursor of the page before
	Limit  int    // 0: the server's default
}

func (p Page) query() url.Values {
	q := url.Values{}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	if p.Limit != 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	return q
}

// Status returns where the node stands.
func (c *Client) Status(ctx context.Context) (v1.Status, error) {
	var out v1.Status
	return out, c.do(ctx, get("/v1/status", nil, &out))
}

// StatusAfter waits until the node has executed the log up to a position: the header
// Librum-Position of an answer, or the position of a transaction. Then it returns
// where the node stands.
func (c *Client) StatusAfter(ctx context.Context, position string) (v1.Status, error) {
	var out v1.Status
	return out, c.do(ctx, get("/v1/status", url.Values{"after": {position}}, &out))
}

// Ready returns nil where the node takes transactions.
func (c *Client) Ready(ctx context.Context) error {
	return c.try(ctx, get("/readyz", nil, nil))
}

// Genesis returns the genesis file and its digest.
func (c *Client) Genesis(ctx context.Context) ([]byte, ledger.Digest, error) {
	var b []byte
	if err := c.do(ctx, get("/v1/genesis", nil, &b)); err != nil {
		return nil, ledger.Digest{}, err
	}
	return b, ledger.Hash(b), nil
}

// Groups returns which groups follow that of an epoch, with the trail that
// proves it. It is believed after [ledger.Groups.Follow].
func (c *Client) Groups(ctx context.Context, from uint64) (v1.Groups, error) {
	var out v1.Groups
	return out, c.do(ctx, get("/v1/groups", url.Values{"from": {strconv.FormatUint(from, 10)}}, &out))
}

// Wait says whose word a submission waits for.
type Wait string

// The words there are.
const (
	Executed Wait = "executed" // this node's
	Final    Wait = "final"    // the quorum's
)

// Submit sends one signed transaction and returns what became of it. One that
// was refused is a [*Problem] whose code is the ledger's.
func (c *Client) Submit(ctx context.Context, signed []byte, wait Wait) (v1.Transaction, error) {
	var out v1.Transaction
	return out, c.do(ctx, submission("application/cose", signed, wait, &out))
}

// SubmitBatch sends signed transactions and returns what became of each.
func (c *Client) SubmitBatch(ctx context.Context, signed [][]byte, wait Wait) ([]v1.Outcome, error) {
	const cbor = "application/cbor"
	b, err := ledger.Encode(signed)
	if err != nil {
		return nil, err
	}
	var answer []byte
	k := submission(cbor, b, wait, &answer)
	k.header = map[string]string{"Accept": cbor}
	if err := c.do(ctx, k); err != nil {
		return nil, err
	}
	var out []v1.Outcome
	if err := ledger.Decode("outcomes", answer, maxAnswerBytes, &out); err != nil {
		return nil, fmt.Errorf("submit a batch: %w", err)
	}
	if len(out) != len(signed) {
		return nil, fmt.Errorf("submit a batch: %d outcomes for %d transactions", len(out), len(signed))
	}
	return out, nil
}

// submission is safe to repeat: the same bytes are the same transaction.
func submission(contentType string, body []byte, wait Wait, out any) *call {
	return &call{
		method: http.MethodPost, path: "/v1/transactions", query: url.Values{"wait": {string(wait)}},
		contentType: contentType, body: body, safe: true, out: out,
	}
}

// Transaction returns what became of a transaction.
func (c *Client) Transaction(ctx context.Context, id ledger.Digest) (v1.Transaction, error) {
	var out v1.Transaction
	return out, c.do(ctx, get("/v1/transactions/"+id.String(), nil, &out))
}

// Proof returns the proof of a transaction's result once it is final. It is
// believed after [ledger.ResultProof.Verify].
func (c *Client) Proof(ctx context.Context, id ledger.Digest) (v1.Proof, error) {
	var out v1.Proof
	return out, c.do(ctx, get("/v1/transactions/"+id.String()+"/proof", nil, &out))
}

// Blocks lists headers, the newest first.
func (c *Client) Blocks(ctx context.Context, page Page) (v1.Blocks, error) {
	var out v1.Blocks
	return out, c.do(ctx, get("/v1/blocks", page.query(), &out))
}

// Block returns a block.
func (c *Client) Block(ctx context.Context, height uint64) (v1.Block, error) {
	var out v1.Block
	return out, c.do(ctx, get("/v1/blocks/"+strconv.FormatUint(height, 10), nil, &out))
}

// SignedBlock returns a whole block as the server keeps it, and the signatures
// of its header. Nothing in it has been checked.
func (c *Client) SignedBlock(ctx context.Context, height uint64) (ledger.SignedBlock, error) {
	var b []byte
	if err := c.do(ctx, get("/v1/blocks/"+strconv.FormatUint(height, 10)+"/bytes", nil, &b)); err != nil {
		return ledger.SignedBlock{}, err
	}
	return ledger.ParseSignedBlock(b)
}

// Account returns balance and standing of an account.
func (c *Client) Account(ctx context.Context, id ledger.ID) (v1.Account, error) {
	var out v1.Account
	return out, c.do(ctx, get("/v1/accounts/"+id.String(), nil, &out))
}
