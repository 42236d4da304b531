package lokka

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Config is where a machine starts from: genesis, or what the store holds.
type Config struct {
	Chain       ledger.Digest
	Shard       uint32
	Self        ledger.ID      // a node outside the group follows, it signs nothing
	Group       ledger.Group   // signs the open block
	Past        []ledger.Group // of earlier epochs whose blocks [Machine.Restore] is given
	Limits      ledger.Limits
	Height      uint64        // last applied height, 0 after genesis
	Previous    ledger.Digest // digest of that header, the genesis digest at 0
	Final       uint64        // last height known to be final
	LogTime     int64         // log time of that header, the genesis time at 0; ms
	Verify      ledger.VerifyFunc
	MarkerDelay int64 // how long an open block with a transaction may stand, ms
	Diverged    bool  // the store holds evidence of a divergence: sign nothing
}

// ErrConfig is what an unusable [Config] unwraps to.
var ErrConfig = errors.New("unusable configuration")

// Validate returns an [ErrConfig] for what no genesis and no store yields.
func (c *Config) Validate() error {
	switch {
	case len(c.Group.Nodes) == 0:
		return fmt.Errorf("%w: the group has no nodes", ErrConfig)
	case c.Limits.BlockTransactions == 0 || c.Limits.BlockBytes == 0:
		return fmt.Errorf("%w: block limits must be positive", ErrConfig)
	case c.Final > c.Height:
		return fmt.Errorf("%w: final height %d lies above the applied height %d", ErrConfig, c.Final, c.Height)
	case c.Verify == nil:
		return fmt.Errorf("%w: no function verifies signatures", ErrConfig)
	case c.MarkerDelay < 0:
		return fmt.Errorf("%w: marker delay of %d ms", ErrConfig, c.MarkerDelay)
	}
	for i := 1; i < len(c.Group.Nodes); i++ {
		if bytes.Compare(c.Group.Nodes[i-1].Node[:], c.Group.Nodes[i].Node[:]) >= 0 {
			return fmt.Errorf("%w: the group's node ids must ascend", ErrConfig)
		}
	}
	return nil
}
