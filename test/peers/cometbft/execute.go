package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/librum/librum/chain/ledger"
)

// FinalizeBlock executes a block.
func (a *app) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	list := a.verified(r.Txs)
	a.mu.Lock()
	defer a.mu.Unlock()
	results := make([]*abci.ExecTxResult, len(r.Txs))
	block := executedBlock{height: r.Height}
	changed := make([]*account, 0, 2*len(list))
	a.landed = a.landed[:0]
	for i, t := range list {
		code := codeSignature
		if t != nil {
			code = a.execute(t, r.Time.UnixMilli(), r.Height, &block, &changed)
		}
		key := sha256.Sum256(r.Txs[i])
		delete(a.known, key)
		results[i] = &abci.ExecTxResult{Code: code}
		a.landed = append(a.landed, landing{key, code})
	}
	a.batch = a.db.NewBatch()
	a.write(&block, changed, r.Time.UnixMilli())
	return &abci.ResponseFinalizeBlock{TxResults: results, AppHash: a.hash}, nil
}

// execute moves the amount of one transfer; the lock is held.
func (a *app) execute(t *transfer, now, height int64, block *executedBlock, changed *[]*account) uint32 {
	if _, again := a.seen[t.id]; again {
		return codeReplayed
	}
	if t.expiry <= now {
		return codeExpired
	}
	a.seen[t.id] = struct{}{}
	block.ids, block.until = append(block.ids, t.id), max(block.until, t.expiry)
	if t.from.balance < t.amount {
		return codeFunds
	}
	t.from.balance -= t.amount
	t.to.balance += t.amount
	for _, side := range []*account{t.from, t.to} {
		if side.height != height {
			side.height = height
			*changed = append(*changed, side)
		}
	}
	a.moved++
	return codeOK
}

// write puts what a block changed into its batch; the lock is held.
func (a *app) write(block *executedBlock, changed []*account, now int64) {
	slices.SortFunc(changed, func(x, y *account) int { return bytes.Compare(x.id[:], y.id[:]) })
	digest := sha256.New()
	_, _ = digest.Write(a.hash) // a hash never fails to write
	for _, c := range changed {
		row := binary.BigEndian.AppendUint64(append([]byte{rowAccount}, c.id[:]...), c.balance)
		_, _ = digest.Write(row)
		_ = a.batch.Set(row[:17], row[17:], nil) // a batch in memory takes all
	}
	a.height = block.height
	if len(changed) > 0 { // else blocks without transactions would follow each other for ever
		a.hash = digest.Sum(nil)
	}
	if len(block.ids) > 0 {
		row := binary.BigEndian.AppendUint64(nil, uint64(block.until))
		for _, id := range block.ids {
			row = append(row, id[:]...)
		}
		_ = a.batch.Set(executedRow(block.height), row, nil)
		a.blocks = append(a.blocks, *block)
	}
	a.blocks = slices.DeleteFunc(a.blocks, func(b executedBlock) bool {
		if b.until > now {
			return false
		}
		for _, id := range b.ids {
			delete(a.seen, id)
		}
		_ = a.batch.Delete(executedRow(b.height), nil)
		return true
	})
	_ = a.batch.Set([]byte{rowHead}, append(binary.BigEndian.AppendUint64(nil, uint64(block.height)), a.hash...), nil)
}

func executedRow(height int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{rowExecuted}, uint64(height))
}

// Commit keeps the block and tells who waits (invariant 2).
func (a *app) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	a.mu.Lock()
	batch := a.batch
	a.mu.Unlock()
	if err := batch.Commit(pebble.Sync); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, l := range a.landed {
		if tell := a.waiting[l.tx]; tell != nil {
			delete(a.waiting, l.tx)
			tell(l.code)
		}
	}
	return &abci.ResponseCommit{}, nil
}

// await has tell called once the transaction is executed; it must not block.
func (a *app) await(tx [32]byte, tell func(code uint32)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[tx] = tell
}

// forget ends await for a transaction that will not be executed.
func (a *app) forget(tx [32]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, tx)
}

// count returns how many transfers took effect, and the height.
func (a *app) count() (moved uint64, height int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.moved, a.height
}

// balance returns what an account has.
func (a *app) balance(id ledger.ID) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if of := a.accounts[id]; of != nil {
		return of.balance
	}
	return 0
}
