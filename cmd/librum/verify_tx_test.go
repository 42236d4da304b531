package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// TestRefusedTransactionProvesNoSender: the proof of a refusal shows what the
// bytes say, and not that who they name has signed them.
func TestRefusedTransactionProvesNoSender(t *testing.T) {
	t.Parallel()
	forger := identity.KeyFromSeed([32]byte{1})
	tx := ledger.Transaction{Version: ledger.Version, Sender: ledger.ID{7}, Contract: "token", Method: "transfer", Args: []byte{0xa0}, Expiry: 1}
	e, err := tx.Sign(forger.ID(), forger.Sign)
	if err != nil {
		t.Fatal(err)
	}
	id := e.ID(ledger.KindTransaction)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := v1.Transaction{ID: id, Code: contract.CodeBadSignature, Content: &v1.TransactionContent{Encoded: e.Bytes(), Delegated: true}}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	c, err := client.New(server.URL, "", client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := txWalk{client: c}
	for code, proven := range map[ledger.Code]bool{ledger.CodeOK: true, contract.CodeBadSignature: false, contract.CodeUnknownKey: false, contract.CodeConflict: false} {
		shown := verifiedTx{ID: id, Code: code}
		if err := w.content(t.Context(), &shown); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		showVerifiedTx(&out, &shown, false, ledger.Digest{})
		says := strings.Contains(out.String(), "token.transfer by "+tx.Sender.String())
		if (shown.Sender != nil) != proven || (shown.Claimed != nil) == proven || says != proven || !shown.Delegated {
			t.Errorf("%s: sender %v, claimed %v, %q", code, shown.Sender, shown.Claimed, out.String())
		}
	}
}
