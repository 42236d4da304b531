package api

import (
	"context"
	"fmt"
	"io"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// delegatedLife is how long a transaction that this node signs for its member
// may wait for its place on the log.
const delegatedLife = 2 * time.Minute

// act signs a transaction for the token's member and waits until this node has
// executed it.
func (s *server) act(ctx context.Context, method string, args any) (v1.Transaction, error) {
	encoded, err := ledger.Encode(args)
	if err != nil {
		return v1.Transaction{}, err
	}
	t := ledger.Transaction{
		Version: ledger.Version, Chain: s.Node.Config().Chain, Shard: s.genesis.Shard,
		Sender: s.Delegate.Member, Contract: fl.Name, Method: method, Args: encoded,
		Expiry: s.Now().Add(delegatedLife).UnixMilli(),
	}
	if _, err := io.ReadFull(s.Random, t.Nonce[:]); err != nil {
		return v1.Transaction{}, fmt.Errorf("draw a nonce: %w", err)
	}
	e, err := t.Sign(s.Delegate.Key.ID(), s.Delegate.Key.Sign)
	if err != nil {
		return v1.Transaction{}, err
	}
	outcomes, err := s.execute(ctx, [][]byte{e.Bytes()}, false)
	if err != nil {
		return v1.Transaction{}, err
	}
	return s.outcome(&outcomes[0], s.Node.Status()), nil
}
