package api

import (
	"context"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/identity"
	fl "github.com/librum/librum/fl/contract"
)

// delegatedLife is how long a transaction that this node signs for its member
// may wait for its place on the log.
const delegatedLife = 2 * time.Minute

// act signs a transaction for the token's member and waits until this node has
// executed it.
func (s *server) act(ctx context.Context, method string, args any) (v1.Transaction, error) {
	caller := identity.Caller{
		Chain: s.Node.Config().Chain, Shard: s.genesis.Shard, Sender: s.Delegate.Member, Key: s.Delegate.Key, Random: s.Random,
	}
	signed, err := caller.Call(fl.Name, method, args, s.Now().Add(delegatedLife).UnixMilli())
	if err != nil {
		return v1.Transaction{}, err
	}
	outcomes, err := s.execute(ctx, [][]byte{signed}, false)
	if err != nil {
		return v1.Transaction{}, err
	}
	return s.outcome(&outcomes[0], s.Node.Status()), nil
}
