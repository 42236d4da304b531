package store

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// FloorRow is the row by which drivers remember the height where a store begins.
type FloorRow struct {
	_       struct{} `cbor:",toarray"`
	Height  uint64
	Partial bool // it is being restored
}

const maxFloorBytes = 8 << 10

// ParseFloor returns the height of an encoded [FloorRow]. [ErrPartial] where the
// store is not wholly restored, [ErrCorrupt] where the row can't be read.
func ParseFloor(b []byte) (uint64, error) {
	var row FloorRow
	if err := ledger.Decode("floor of the store", b, maxFloorBytes, &row); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if row.Partial {
		return 0, ErrPartial
	}
	return row.Height, nil
}
