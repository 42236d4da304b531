package fullnode

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/contract/token"
	fl "github.com/librum/librum/fl/contract"
)

// Contracts returns the rule sets of all protocol versions. One that was in
// force on any chain is never taken out or changed.
func Contracts() contract.Rules {
	return contract.Rules{
		contract.NewSet(governance.New(), identity.New(), token.New(), nft.New(), fl.New()),
	}
}
