package main

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
)

var epoch = time.UnixMilli(1_800_000_000_000)

const testAccounts = 5

func testApp(t *testing.T, dir string, early bool) *app {
	t.Helper()
	a, err := openApp(dir, testAccounts, early, func() time.Time { return epoch })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func sign(t *testing.T, n int, series uint64, expiry time.Time) [][]byte {
	t.Helper()
	signed, err := signTransfers(testAccounts, n, series, expiry)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// block has the application decide and execute a block, and returns its codes.
func block(t *testing.T, a *app, height int64, at time.Time, txs [][]byte) []uint32 {
	t.Helper()
	ctx := context.Background()
	r, err := a.FinalizeBlock(ctx, &abci.RequestFinalizeBlock{Txs: txs, Height: height, Time: at})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Commit(ctx, nil); err != nil {
		t.Fatal(err)
	}
	codes := make([]uint32, len(r.TxResults))
	for i, x := range r.TxResults {
		codes[i] = x.Code
	}
	return codes
}

// balances lists what the accounts have.
func balances(a *app) (all []uint64) {
	for i := range testAccounts {
		all = append(all, a.balance(accountID(i)))
	}
	return all
}

func forged(tx []byte) []byte {
	bad := slices.Clone(tx)
	bad[len(bad)-1] ^= 1
	return bad
}

// TestExecute executes each transfer once, refuses what is none, and finds all of
// it again in the store.
func TestExecute(t *testing.T) {
	t.Parallel()
	for _, early := range []bool{false, true} {
		dir := t.TempDir()
		a := testApp(t, dir, early)
		later := epoch.Add(time.Minute)
		good := sign(t, 20, 1, later)
		txs := append(slices.Clone(good), good[0], sign(t, 1, 2, epoch)[0], forged(sign(t, 1, 3, later)[0]), []byte("none"))
		want := append(make([]uint32, 20), codeReplayed, codeExpired, codeSignature, codeSignature)
		if got := block(t, a, 1, epoch, txs); !slices.Equal(got, want) {
			t.Errorf("codes %v, want %v", got, want)
		}
		if got := block(t, a, 2, epoch, good[3:5]); !slices.Equal(got, []uint32{codeReplayed, codeReplayed}) {
			t.Errorf("a block later again: %v", got)
		}
		twin := slices.Repeat([]uint64{startBalance}, testAccounts)
		for _, tx := range good {
			moved, refused := a.read(tx)
			if refused != nil {
				t.Fatal(refused)
			}
			for i := range twin {
				if accountID(i) == moved.from.id {
					twin[i]--
				}
				if accountID(i) == moved.to.id {
					twin[i]++
				}
			}
		}
		if got := balances(a); !slices.Equal(got, twin) {
			t.Errorf("balances %v, want %v", got, twin)
		}
		before, _ := a.Info(context.Background(), nil)
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
		a = testApp(t, dir, early)
		after, _ := a.Info(context.Background(), nil)
		if got := balances(a); !slices.Equal(got, twin) || after.LastBlockHeight != 2 || !bytes.Equal(after.LastBlockAppHash, before.LastBlockAppHash) {
			t.Errorf("opened again: balances %v, %+v, want %v, %+v", got, after, twin, before)
		}
		if got := block(t, a, 3, epoch, good[:1]); got[0] != codeReplayed {
			t.Errorf("opened again, a transfer is executed again: %v", got)
		}
		block(t, a, 4, later, nil) // all have expired: nothing need be remembered
		if len(a.seen) != 0 || len(a.blocks) != 0 || len(a.known) != 0 {
			t.Errorf("remembers %d ids of %d blocks, %d transfers", len(a.seen), len(a.blocks), len(a.known))
		}
		if err := a.close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestProposals: no validator accepts a block with a transaction that is not
// signed, and none proposes one.
func TestProposals(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a := testApp(t, t.TempDir(), false)
	txs := sign(t, 10, 1, epoch.Add(time.Minute))
	txs[4] = forged(txs[4])
	made, err := a.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: txs, MaxTxBytes: 1 << 20})
	if err != nil || len(made.Txs) != 9 || slices.ContainsFunc(made.Txs, func(tx []byte) bool { return bytes.Equal(tx, txs[4]) }) {
		t.Errorf("%d transactions proposed, %v", len(made.Txs), err)
	}
	if few, err := a.PrepareProposal(ctx, &abci.RequestPrepareProposal{Txs: txs, MaxTxBytes: 600}); err != nil || len(few.Txs) != 2 {
		t.Errorf("%d transactions of 238 bytes fit into 600, %v", len(few.Txs), err)
	}
	for _, c := range []struct {
		txs  [][]byte
		want abci.ResponseProcessProposal_ProposalStatus
	}{{made.Txs, abci.ResponseProcessProposal_ACCEPT}, {txs, abci.ResponseProcessProposal_REJECT}} {
		if r, err := a.ProcessProposal(ctx, &abci.RequestProcessProposal{Txs: c.txs}); err != nil || r.Status != c.want {
			t.Errorf("%d transactions: %v, %v, want %v", len(c.txs), r, err, c.want)
		}
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
}

// TestCheckTx holds what comes into the mempool.
func TestCheckTx(t *testing.T) {
	t.Parallel()
	a := testApp(t, t.TempDir(), true)
	good := sign(t, 1, 1, epoch.Add(time.Minute))[0]
	for _, c := range []struct {
		tx   []byte
		want uint32
	}{{good, codeOK}, {forged(good), codeSignature}, {sign(t, 1, 2, epoch)[0], codeExpired}, {nil, codeMalformed}} {
		if r, err := a.CheckTx(context.Background(), &abci.RequestCheckTx{Tx: c.tx}); err != nil || r.Code != c.want {
			t.Errorf("%v, %v, want code %d", r, err, c.want)
		}
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
}
