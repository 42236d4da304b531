package governance

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// ProtocolRow is the key of the row that names the rule set in force; absent
// while it is that of the genesis, version 1.
const ProtocolRow contract.Key = Name + "/protocol"

// Protocol reads the version of the rule set in force.
func Protocol(state contract.State) (uint64, error) {
	version, ok, err := contract.LoadFrom[uint64](state, ProtocolRow)
	if err != nil || !ok {
		return 1, err
	}
	return *version, nil
}

// SetLimits changes what blocks and transactions may hold.
type SetLimits struct {
	BlockTransactions uint32 `cbor:"block_transactions"`
	BlockBytes        uint32 `cbor:"block_bytes"`
	MaxTTL            int64  `cbor:"max_ttl"` // ms
}

func (a *SetLimits) limits() ledger.Limits {
	return ledger.Limits{BlockTransactions: a.BlockTransactions, BlockBytes: a.BlockBytes, MaxTTL: a.MaxTTL}
}

func (a *SetLimits) check() error {
	limits := a.limits()
	if err := limits.Validate("limits"); err != nil {
		return contract.Errorf(contract.CodeBadArguments, "%v", err)
	}
	return nil
}

func (a *SetLimits) claim() *claim { return nil }

func (a *SetLimits) rows() []contract.Key { return []contract.Key{LimitsRow} }

func (a *SetLimits) apply(env *contract.Env, _ uint64) error {
	limits := a.limits()
	return contract.Store(env, LimitsRow, &limits)
}

// SetProtocol activates the next rule set. A node whose binary does not have it
// stops there.
type SetProtocol struct {
	Version uint64 `cbor:"version"`
}

func (a *SetProtocol) check() error { return nil }

func (a *SetProtocol) claim() *claim { return nil }

func (a *SetProtocol) rows() []contract.Key { return []contract.Key{ProtocolRow} }

func (a *SetProtocol) apply(env *contract.Env, _ uint64) error {
	version, err := Protocol(env)
	if err != nil {
		return err
	}
	if a.Version != version+1 {
		return contract.Errorf(contract.CodeConflict, "version %d after %d, want %d", a.Version, version, version+1)
	}
	return contract.Store(env, ProtocolRow, a.Version)
}
