package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// expected is all that a store should keep by execution. Each fact is met once:
// what is met again, or was never expected, should not be there.
type expected struct {
	versions   map[contract.Key][]version // heights ascending
	floor      uint64                     // what lies below was not looked at
	base       map[ledger.Digest]uint32   // transactions of the block at the floor
	places     map[ledger.Digest]place
	signatures uint64
	past       map[uint64]bool // ends of epochs below the floor
}

// version is a write of execution, about 50 bytes of it for each.
type version struct {
	height  uint64
	value   ledger.Digest // of a flag and the value
	deleted bool
	kept    bool // the store has it
	latest  bool // and it is the row's newest value, apart from the versions
}

// place is where a transaction's result stands.
type place struct {
	height uint64
	index  uint32
	kept   bool
}

func newExpected() expected {
	return expected{versions: map[contract.Key][]version{}, places: map[ledger.Digest]place{}}
}

func (e *expected) write(height uint64, w *ledger.Write) {
	key := contract.Key(w.Key)
	e.versions[key] = append(e.versions[key], version{height: height, value: ledger.Hash(w.Value), deleted: w.Delete})
}

// audit compares every row that the store keeps with what execution gives. Reads
// at a height see what a node would answer; rows that nobody asked for, which
// the next execution might read, are seen here alone.
func (w *walk) audit(ctx context.Context, stored uint64) error {
	a := audit{expected: &w.expected, walk: w, stored: stored, floors: map[contract.Key]version{}}
	err := w.in.Store.Audit(ctx, store.Audit{
		Version: a.version, Latest: a.latest, Transaction: a.transaction, Signature: a.signature,
		Block: a.at("block"), Header: a.at("header"),
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if found, ok := errors.AsType[*Finding](err); ok {
		return found
	}
	if err != nil {
		return finding("storage", "store", "%v", err)
	}
	return a.missing()
}

// audit is one under way.
type audit struct {
	*expected

	walk       *walk
	stored     uint64 // newest height
	signatures uint64
	floors     map[contract.Key]version // the newest versions at or below the floor
}

func (a *audit) version(height uint64, w ledger.Write) error {
	where := fmt.Sprintf("row %q after block %d", w.Key, height)
	versions := a.versions[contract.Key(w.Key)]
	if a.floor > 0 && height <= a.floor {
		a.below(contract.Key(w.Key), height, w)
		return nil
	}
	i, ok := slices.BinarySearchFunc(versions, height, func(v version, h uint64) int { return cmp.Compare(v.height, h) })
	if !ok || versions[i].kept {
		return finding("history", where, "a version is stored, execution wrote none")
	}
	if versions[i].deleted != w.Delete || versions[i].value != ledger.Hash(w.Value) {
		return finding("history", where, "the stored version is not what execution wrote")
	}
	versions[i].kept = true
	return nil
}

func (a *audit) latest(height uint64, r store.Row) error {
	where := fmt.Sprintf("row %q", r.Key)
	versions := a.versions[contract.Key(r.Key)]
	if len(versions) == 0 {
		return finding("state", where, "a newest value is stored, execution never wrote the row")
	}
	newest := &versions[len(versions)-1]
	switch {
	case newest.deleted:
		return finding("state", where, "a newest value is stored, block %d deleted the row", newest.height)
	case newest.latest || newest.height != max(height, a.floor) || newest.value != ledger.Hash(r.Value):
		return finding("state", where, "the newest value, written by block %d, is not what execution wrote in block %d", height, newest.height)
	}
	newest.latest = true
	return nil
}

func (a *audit) transaction(id ledger.Digest, height uint64, index uint32) error {
	if height < a.floor {
		return nil // left of a pruning that was cut short; nobody is told
	}
	if at, ok := a.base[id]; ok && height == a.floor && at == index {
		return nil
	}
	p, ok := a.places[id]
	if !ok || p.kept || p.height != height || p.index != index {
		return finding("index", fmt.Sprintf("transaction %s", id), "a place is stored, block %d at %d, execution gives none there", height, index)
	}
	p.kept = true
	a.places[id] = p
	return nil
}

// at checks that a block or header is one of those that were verified.
func (a *audit) at(what string) func(height uint64) error {
	return func(height uint64) error {
		if height == 0 || height > a.stored {
			return finding(what, fmt.Sprintf("%s %d", what, height), "it is stored, the newest block is %d", a.stored)
		}
		return nil
	}
}

// signature counts: those of stored heights were verified with their headers,
// and a node signs, and stores signatures of, no block before it has stored it.
func (a *audit) signature(s ledger.HeaderSignature) error {
	if s.Height < a.floor && !a.past[s.Height] {
		return nil
	}
	if s.Height == 0 || s.Height > a.stored {
		return finding("signature", fmt.Sprintf("header %d", s.Height), "node %s's is stored, the newest block is %d", s.Node.Short(), a.stored)
	}
	a.signatures++
	return nil
}

// missing names the first thing that is not kept, though execution gives it.
func (a *audit) missing() error {
	var first error
	least := ""
	if err := a.atFloor(); err != nil {
		return err
	}
	note := func(name string, err error) {
		if first == nil || name < least { // maps have no order, findings do
			first, least = err, name
		}
	}
	for key, versions := range a.versions {
		for i, v := range versions {
			if !v.kept {
				note(string(key), finding("history", fmt.Sprintf("row %q after block %d", key, v.height), "no version is stored, execution wrote one"))
				break
			}
			if newest := i == len(versions)-1; newest && !v.deleted && !v.latest {
				note(string(key), finding("state", fmt.Sprintf("row %q", key), "no newest value is stored, execution gives one"))
			}
		}
	}
	if first != nil {
		return first
	}
	for id, p := range a.places {
		if !p.kept {
			note(id.String(), finding("index", fmt.Sprintf("transaction %s", id), "no place is stored, execution gives block %d at %d", p.height, p.index))
		}
	}
	if first == nil && a.signatures != a.expected.signatures {
		first = finding("signature", "store", "%d are stored, %d are found by their heights", a.signatures, a.expected.signatures)
	}
	return first
}
