package main

import (
	"crypto/sha256"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	abci "github.com/cometbft/cometbft/abci/types"
	mempool "github.com/cometbft/cometbft/mempool"

	"github.com/librum/librum/chain/ledger"
)

// maxBody bounds what is submitted at once.
const maxBody = 16 << 20

// door hands transactions to the mempool and answers once all are executed: a
// CBOR array of transactions, answered by one of codes.
func (v *validator) door(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var txs [][]byte
	if err := ledger.Decode("batch", body, maxBody, &txs); err != nil || len(txs) == 0 {
		http.Error(w, "want a CBOR array of transactions", http.StatusBadRequest)
		return
	}
	codes := make([]uint32, len(txs))
	var left atomic.Int64
	left.Store(int64(len(txs)))
	done := make(chan struct{})
	for i, tx := range txs {
		key, once := sha256.Sum256(tx), sync.Once{}
		tell := func(code uint32) {
			once.Do(func() {
				codes[i] = code
				if left.Add(-1) == 0 {
					close(done)
				}
			})
		}
		refuse := func(code uint32) {
			v.app.forget(key)
			tell(code)
		}
		v.app.await(key, tell)
		err := v.node.Mempool().CheckTx(tx, func(answer *abci.ResponseCheckTx) {
			if answer.Code != codeOK {
				refuse(answer.Code)
			}
		}, mempool.TxInfo{})
		if err != nil {
			refuse(codeRefused)
		}
	}
	select {
	case <-done:
	case <-r.Context().Done():
		return
	}
	answer, err := ledger.Encode(codes)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(answer) // who asked may have gone
}
