package aplos

import (
	"fmt"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Genesis returns the first state of a chain as the block of height 0: what
// the genesis parts of the contracts write.
func Genesis(rules contract.Rules, g *ledger.Genesis) (Sealed, error) {
	s := newState(empty{}, 0)
	first, ok := rules.At(1)
	if !ok {
		return Sealed{}, fmt.Errorf("%w: that of a genesis", ErrProtocol)
	}
	for _, c := range first.Contracts() {
		if c.Genesis == nil {
			continue
		}
		env := contract.NewGenesisEnv(s, g.Time)
		err := c.Genesis(g, env)
		if err == nil {
			err = env.Err() // an action that overlooks one must not lose its rows in silence
		}
		if err != nil {
			return Sealed{}, fmt.Errorf("genesis of contract %s: %w", c.Name, err)
		}
		s.write(env.Writes())
	}
	log, err := ledger.Encode(ledger.NewLogClock(&g.Group, g.Time))
	if err != nil {
		return Sealed{}, err
	}
	s.write([]ledger.Write{{Key: []byte(LogRow), Value: log}})
	var commitment ledger.Commitment
	writes, err := s.seal(&commitment, 1)
	if err != nil {
		return Sealed{}, err
	}
	group, err := g.Group.Digest()
	if err != nil {
		return Sealed{}, err
	}
	sum := commitment.Bytes()
	return Sealed{Writes: writes, Commitment: sum, State: ledger.Hash(sum), Group: group}, nil
}

// empty is the state before genesis.
type empty struct{}

func (empty) Latest([]byte) ([]byte, bool, error) { return nil, false, nil }

func (empty) Scan(_, _ contract.Key, _ int) ([]contract.Row, error) { return nil, nil }
