package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	abci "github.com/cometbft/cometbft/abci/types"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// app is the application: balances of accounts, moved by signed transfers.
type app struct {
	abci.BaseApplication

	chain    ledger.Digest
	accounts map[ledger.ID]*account // the map does not change
	verifier *identity.Verifier
	early    bool // signatures are checked as transactions come, not by block
	db       *pebble.DB
	now      func() time.Time

	mu      sync.Mutex             // guards what follows, and the balances
	known   map[[32]byte]*transfer // read and not yet executed, by the hash of the transaction
	seen    map[ledger.Digest]struct{}
	blocks  []executedBlock // whose transactions may come again
	height  int64
	hash    []byte
	batch   *pebble.Batch // of the block that Commit keeps
	landed  []landing     // and what to say of it then
	waiting map[[32]byte]func(code uint32)
	moved   uint64 // transfers that took effect
}

// executedBlock lists what must not be executed again until all of it expired.
type executedBlock struct {
	height int64
	until  int64
	ids    []ledger.Digest
}

type landing struct {
	tx   [32]byte
	code uint32
}

// openApp opens the application over a store; a new one gets the accounts.
func openApp(dir string, accounts int, early bool, now func() time.Time) (_ *app, err error) {
	a := &app{
		chain: chain(), accounts: make(map[ledger.ID]*account, accounts), verifier: identity.NewVerifier(max(accounts, 16_384)), early: early, now: now,
		hash: make([]byte, sha256.Size), known: map[[32]byte]*transfer{}, seen: map[ledger.Digest]struct{}{}, waiting: map[[32]byte]func(uint32){},
	}
	for i := range accounts {
		id, key := accountID(i), accountKey(i).Public()
		a.accounts[id] = &account{id: id, key: key, keyID: key.ID(), balance: startBalance}
	}
	if a.db, err = pebble.Open(dir, &pebble.Options{Logger: quiet{}}); err != nil {
		return nil, fmt.Errorf("open the application's store: %w", err)
	}
	if err := a.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read the application's store: %w", err), a.db.Close())
	}
	return a, nil
}

// quiet leaves out what Pebble tells of its work; what ends it stays.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (quiet) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }

// Rows: a and an id: balance; e and a height: latest expiry and ids; h: height
// and hash.
const (
	rowAccount  = 'a'
	rowExecuted = 'e'
	rowHead     = 'h'
)

func (a *app) load() (err error) {
	rows, err := a.db.NewIter(nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.First(); rows.Valid(); rows.Next() {
		key, value := rows.Key(), slices.Clone(rows.Value())
		switch {
		case key[0] == rowAccount && len(key) == 17 && len(value) == 8:
			if to := a.accounts[ledger.ID(key[1:])]; to != nil {
				to.balance = binary.BigEndian.Uint64(value)
			}
		case key[0] == rowExecuted && len(key) == 9 && len(value)%32 == 8:
			b := executedBlock{height: int64(binary.BigEndian.Uint64(key[1:])), until: int64(binary.BigEndian.Uint64(value))}
			for ids := range slices.Chunk(value[8:], 32) {
				b.ids = append(b.ids, ledger.Digest(ids))
				a.seen[ledger.Digest(ids)] = struct{}{}
			}
			a.blocks = append(a.blocks, b)
		case key[0] == rowHead && len(value) == 40:
			a.height, a.hash = int64(binary.BigEndian.Uint64(value)), value[8:]
		default:
			return fmt.Errorf("row %x is none of it", key)
		}
	}
	return rows.Error()
}

func (a *app) close() error { return a.db.Close() }

// Info tells where the application stands.
func (a *app) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &abci.ResponseInfo{LastBlockHeight: a.height, LastBlockAppHash: a.hash}, nil
}

// InitChain tells the hash from which blocks go on.
func (a *app) InitChain(context.Context, *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	return &abci.ResponseInitChain{AppHash: make([]byte, sha256.Size)}, nil
}

// CheckTx keeps rubbish out of the mempool.
func (a *app) CheckTx(_ context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	t, refused := a.read(r.Tx)
	if refused == nil && t.expiry <= a.now().UnixMilli() {
		refused = &refusal{codeExpired, "too late"}
	}
	if refused == nil && a.early {
		if t.checked = a.verifier.Verify(t.signed.Key, t.signed.Message, t.signed.Signature); !t.checked {
			refused = &refusal{codeSignature, "not the sender's"}
		}
	}
	if refused != nil {
		return &abci.ResponseCheckTx{Code: refused.code, Log: refused.detail}, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, again := a.seen[t.id]; again {
		return &abci.ResponseCheckTx{Code: codeReplayed}, nil
	}
	if t.from.balance < t.amount {
		return &abci.ResponseCheckTx{Code: codeFunds}, nil
	}
	a.known[sha256.Sum256(r.Tx)] = t
	return &abci.ResponseCheckTx{}, nil
}

// PrepareProposal takes what the mempool has and leaves out what is not signed.
func (a *app) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	list := a.verified(r.Txs)
	out, size := make([][]byte, 0, len(r.Txs)), int64(0)
	for i, tx := range r.Txs {
		if size += int64(len(tx)) + 8; size > r.MaxTxBytes {
			break
		}
		if list[i] != nil {
			out = append(out, tx)
		}
	}
	return &abci.ResponsePrepareProposal{Txs: out}, nil
}

// ProcessProposal refuses a block with a transaction that is not signed.
func (a *app) ProcessProposal(_ context.Context, r *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	if slices.Contains(a.verified(r.Txs), nil) {
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

// verified returns the transfers, nil where a transaction is none or is not
// signed. What was checked before is not checked again (invariant 1).
func (a *app) verified(txs [][]byte) []*transfer {
	list, keys := make([]*transfer, len(txs)), make([][32]byte, len(txs))
	var open []int
	a.mu.Lock()
	for i, tx := range txs {
		keys[i] = sha256.Sum256(tx)
		if list[i] = a.known[keys[i]]; list[i] == nil || !list[i].checked {
			open = append(open, i)
		}
	}
	a.mu.Unlock()
	if len(open) == 0 {
		return list
	}
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for part := range slices.Chunk(open, 1_024) {
		group.Go(func() error {
			a.check(txs, list, part)
			return nil
		})
	}
	_ = group.Wait() // the parts have no errors
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range open {
		if list[i] != nil {
			a.known[keys[i]] = list[i]
		}
	}
	return list
}

// check reads and checks some of the transactions in one batch.
func (a *app) check(txs [][]byte, list []*transfer, part []int) {
	asked, at := make([]identity.Signed, 0, len(part)), make([]int, 0, len(part))
	for _, i := range part {
		if list[i] == nil {
			list[i], _ = a.read(txs[i])
		}
		if list[i] != nil {
			asked, at = append(asked, list[i].signed), append(at, i)
		}
	}
	for k, holds := range a.verifier.VerifyAll(asked, rand.Reader) {
		t := *list[at[k]] // another call may be reading it
		t.checked = holds
		list[at[k]] = &t
		if !holds {
			list[at[k]] = nil
		}
	}
}
