package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/snapshot"
	"github.com/librum/librum/chain/store"
)

// base begins with the floor of a store that does not go back to the genesis:
// with the state there, as far as a quorum that the genesis leads to vouches for
// it.
func (w *walk) base(ctx context.Context) error {
	if w.in.Store == nil {
		return nil // where a server keeps less, the first block is missing
	}
	applied, _, err := w.in.Store.Applied(ctx)
	if err != nil {
		return finding("storage", "store", "%v", err)
	}
	if applied.Floor == 0 {
		return nil
	}
	where := fmt.Sprintf("state after block %d", applied.Floor)
	w.state = newState()
	w.writes = nil
	trust := snapshot.Trust{Genesis: w.genesis, Chain: w.report.Genesis, Verify: w.verify}
	base, err := snapshot.Prove(ctx, trust, w.in.Store, applied.Floor, func(r store.Row) {
		w.writes = append(w.writes, ledger.Write{Key: r.Key, Value: r.Value})
	})
	switch {
	case errors.Is(err, snapshot.ErrUnproven), errors.Is(err, snapshot.ErrMalformed):
		return finding("state", where, "%v", err)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return finding("storage", where, "%v", err)
	}
	w.state.apply(w.writes)
	w.state.settle()
	w.begun(applied.Floor, base)
	if err := w.beside(ctx, applied.Floor); err != nil {
		return err
	}
	config := aplos.Config{Chain: w.report.Genesis, Shard: w.genesis.Shard, Contracts: w.in.Contracts, Verify: w.verify}
	if w.executor, err = aplos.New(config, w.state, applied.Floor, w.commitment); err != nil {
		return finding("state", where, "%v", err)
	}
	w.signers = w.executor.Group()
	w.group = lokka.New(lokka.Config{
		Chain: w.report.Genesis, Shard: w.genesis.Shard, Group: w.executor.Group(), Limits: w.executor.Limits(),
		Height: applied.Floor, Final: applied.Floor, Previous: w.previous, LogTime: w.executor.Clock().Now, Verify: w.verify,
		Diverged: true, // as from the genesis
	})
	return nil
}

// begun takes over what a base says.
func (w *walk) begun(floor uint64, base *snapshot.Base) {
	header := &base.Block.Header
	w.report.Floor, w.report.Height, w.report.Head, w.report.LogTime = floor, floor, base.Header, header.LogTime
	w.previous, w.next, w.commitment = base.Header, header.Last.Offset+1, base.Commitment.Bytes()
	w.last = base.Block.Records[len(base.Block.Records)-1]
	w.headSeen = base.Header == w.in.Anchors.Head
	e := &w.expected
	e.floor, e.base, e.past = floor, map[ledger.Digest]uint32{}, map[uint64]bool{}
	for i := range base.Block.Results {
		e.base[base.Block.Results[i].ID] = uint32(i)
	}
	for _, p := range base.Past {
		e.past[p.Height] = true
	}
	e.signatures = uint64(len(base.Signatures))
}

// below notes the newest version of a row at or below the floor.
func (a *audit) below(key contract.Key, height uint64, w ledger.Write) {
	if have, ok := a.floors[key]; !ok || have.height <= height {
		a.floors[key] = version{height: height, value: ledger.Hash(w.Value), deleted: w.Delete}
	}
}

// atFloor compares those versions with the rows at the floor.
func (a *audit) atFloor() error {
	for _, key := range slices.Sorted(maps.Keys(a.floors)) {
		have := a.floors[key]
		versions := a.versions[key]
		there := len(versions) > 0 && versions[0].height == a.floor
		if there == have.deleted || there && versions[0].value != have.value {
			return finding("history", fmt.Sprintf("row %q after block %d", key, a.floor), "the stored version is not the row at the floor")
		}
		if there {
			versions[0].kept = true
		}
	}
	return nil
}
