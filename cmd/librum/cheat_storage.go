package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// cheatStorageNode is the node whose disk somebody gets at.
const cheatStorageNode = 2

// storageCheat flips a bit of a stored block when all has stopped, in the
// database below the store, as whoever has the disk can. It picks the
// signature of a record, which leaves the block's form as it was.
func storageCheat(*job.Spec) *cheat {
	var height uint64
	return &cheat{
		name: "storage", summary: "a byte of a stored block is changed afterwards; verification names node and block",
		stopped: func(_ context.Context, s *cheatScene) (err error) {
			db, err := pebble.Open(s.dir.Store(cheatStorageNode), &pebble.Options{ErrorIfNotExists: true})
			if err != nil {
				return fmt.Errorf("open the database of node %d: %w", cheatStorageNode, err)
			}
			defer func() { err = errors.Join(err, db.Close()) }()
			if height, err = middleBlock(db); err != nil {
				return err
			}
			raw, err := getRow(db, blockKey(height))
			if err != nil {
				return err
			}
			at, err := signatureByte(raw)
			if err != nil {
				return fmt.Errorf("block %d: %w", height, err)
			}
			raw[at] ^= 1
			say(s.out, "cheat storage: flipping a bit of byte %d of block %d in the store of node %d", at, height, cheatStorageNode)
			return db.Set(blockKey(height), raw, pebble.Sync)
		},
		found: func(v *verifyResult) ([]string, error) {
			where := fmt.Sprintf("node-%d, block %d,", cheatStorageNode, height)
			if v.OK || v.First == nil || !strings.HasPrefix(v.First.Where, where) {
				return nil, unnoticed("verification does not name %s but says %v", where, v.First)
			}
			return []string{fmt.Sprintf("verification names %s at %s: %s", v.First.Kind, v.First.Where, v.First.Message)}, nil
		},
	}
}

// blockKey is where the store of a node keeps a block (docs/store.md).
func blockKey(height uint64) []byte { return binary.BigEndian.AppendUint64([]byte{'b'}, height) }

// getRow returns a copy of a row.
func getRow(db *pebble.DB, key []byte) ([]byte, error) {
	value, closer, err := db.Get(key)
	if err != nil {
		return nil, fmt.Errorf("read row %x: %w", key, err)
	}
	value = bytes.Clone(value)
	return value, closer.Close()
}

// middleBlock returns the height in the middle of the chain.
func middleBlock(db *pebble.DB) (height uint64, err error) {
	blocks, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{'b'}, UpperBound: []byte{'b' + 1}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, blocks.Close()) }()
	if !blocks.Last() {
		return 0, errors.Join(errors.New("the store holds no block"), blocks.Error())
	}
	return (binary.BigEndian.Uint64(blocks.Key()[1:]) + 1) / 2, nil
}

// signatureByte returns the place of the last byte of a record's signature.
func signatureByte(raw []byte) (int, error) {
	block, err := ledger.ParseBlock(raw)
	if err != nil {
		return 0, err
	}
	for i := range block.Records {
		if envelope := block.Records[i].Envelope; len(envelope) > 0 {
			return bytes.Index(raw, envelope) + len(envelope) - 1, nil
		}
	}
	return 0, errors.New("all its records were skipped")
}
