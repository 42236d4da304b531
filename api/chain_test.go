package api_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

func TestTransactionsBlocksAndAccounts(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	ctx := t.Context()
	to := f.secrets.ID(localnet.KindAccount, 1)

	raw := f.transfer(t, 5)
	tx, err := f.client.Submit(ctx, raw, client.Executed)
	if err != nil || tx.Code != ledger.CodeOK || !tx.Executed {
		t.Fatalf("outcome %+v, error %v", tx, err)
	}
	var moved struct{ From, To, Amount string }
	if len(tx.Events) != 1 || json.Unmarshal(tx.Events[0].Data, &moved) != nil || moved.Amount != "5" || moved.To != to.String() {
		t.Errorf("events %+v", tx.Events)
	}
	again, err := f.client.Submit(ctx, raw, client.Final)
	if err != nil || again.Position != tx.Position || !again.Final {
		t.Errorf("sent again: %+v, error %v, want the first outcome, final", again, err)
	}

	batch, err := f.client.SubmitBatch(ctx, [][]byte{f.transfer(t, 1), []byte("junk"), f.transfer(t, 1<<63)}, client.Final)
	if err != nil {
		t.Fatal(err)
	}
	if batch[0].Code != ledger.CodeOK || batch[1].Code != "malformed" || batch[1].Executed || batch[2].Code != ledger.CodeOK {
		t.Errorf("batch %+v", batch)
	}
	if e := batch[0].Events; !batch[0].Final || batch[1].Detail == "" || len(e) != 1 || e[0].Type != "token.transfer" || !batch[0].Position.Less(batch[2].Position) {
		t.Errorf("batch %+v", batch)
	}

	account, err := f.client.Account(ctx, to)
	if err != nil || account.Balance.String() != "1009223372036854775814" || account.Member == nil || account.Symbol != "LCNC" {
		t.Errorf("account %+v, error %v", account, err)
	}
	if _, err := f.client.Account(ctx, ledger.ID{1}); !client.IsCode(err, "not_found") {
		t.Errorf("stranger's account: %v", err)
	}

	shown, err := f.client.Transaction(ctx, tx.ID)
	if err != nil || !shown.Final || shown.Content == nil || shown.Content.Method != "transfer" || string(shown.Content.Encoded) != string(raw) {
		t.Errorf("transaction %+v, error %v", shown, err)
	}
	checkProof(t, f, tx.ID)
	checkBlocks(t, f)
	checkGroups(t, f)
}

func checkGroups(t *testing.T, f *fixture) {
	t.Helper()
	for _, from := range []uint64{0, 7} {
		g, err := f.client.Groups(t.Context(), from)
		if err != nil || g.Epoch != 0 || len(g.Next) != 0 {
			t.Errorf("groups from epoch %d: %+v, error %v", from, g, err)
		}
		if trail, err := ledger.ParseGroupTrail(g.Trail); err != nil || len(trail.Handovers) != 0 {
			t.Errorf("trail from epoch %d: %+v, error %v", from, trail, err)
		}
	}
}

func checkProof(t *testing.T, f *fixture, id ledger.Digest) {
	t.Helper()
	shown, err := f.client.Proof(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := ledger.ParseResultProof(shown.Proof)
	if err != nil {
		t.Fatal(err)
	}
	result, header, err := proof.Verify(f.Chain, &f.Genesis.Group, f.Nodes[0].Config().Verify)
	if err != nil || result.ID != id || header.Height != shown.Header.Height || len(shown.Signatures) < 3 {
		t.Errorf("proof of %+v in %+v, error %v", result, shown, err)
	}
}

func checkBlocks(t *testing.T, f *fixture) {
	t.Helper()
	status, err := f.client.Status(t.Context())
	if err != nil || status.Height < 2 || status.Chain != f.Chain {
		t.Fatalf("status %+v, error %v", status, err)
	}
	seen := status.Height + 1
	for page := (client.Page{Limit: 1}); ; {
		list, err := f.client.Blocks(t.Context(), page)
		if err != nil || len(list.Blocks) != 1 || list.Blocks[0].Height != seen-1 {
			t.Fatalf("page %+v after height %d, error %v", list, seen, err)
		}
		seen = list.Blocks[0].Height
		block, err := f.client.Block(t.Context(), seen)
		if err != nil || block.Hash != list.Blocks[0].Hash || ledger.Hash(block.Encoded) != block.Hash || len(block.Results) == 0 {
			t.Fatalf("block %+v, error %v", block, err)
		}
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	if seen != 1 {
		t.Errorf("the pages end at height %d", seen)
	}
	if _, err := f.client.Block(t.Context(), 1<<40); !client.IsCode(err, "not_found") {
		t.Errorf("block of the future: %v", err)
	}
	genesis, digest, err := f.client.Genesis(t.Context())
	if err != nil || digest != f.Chain || len(genesis) == 0 {
		t.Errorf("genesis %s, error %v", digest, err)
	}
}

func TestRefusedTransactionIsAProblemWithTheLedgersCode(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	broken := f.transfer(t, 1)
	broken[len(broken)-1] ^= 1
	for _, c := range []struct {
		raw    []byte
		code   string
		status int
	}{
		{[]byte("junk"), "malformed", http.StatusBadRequest},
		{broken, "bad_signature", http.StatusForbidden},
	} {
		status, header, body := f.ask(t, http.MethodPost, "/v1/transactions", "application/cose", c.raw)
		p := problem(t, status, header, body)
		if status != c.status || p.Code() != c.code || p.Transaction == nil || p.Transaction.Executed {
			t.Errorf("status %d, problem %s", status, body)
		}
	}
	// Executed without effect: it stands on the ledger.
	sender := f.secrets.ID(localnet.KindAccount, 2)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: f.Chain, Sender: sender, Contract: "token", Method: "transfer",
		Args: overdraft(t, f), Expiry: f.Nodes[0].Status().LogTime + 60_000,
	}
	_, err := f.client.Submit(t.Context(), f.sign(t, &tx, localnet.KindAccount, 2), client.Executed)
	var p *client.Problem
	if !errors.As(err, &p) || p.Code() != "insufficient_funds" || p.Transaction == nil || !p.Transaction.Executed || p.Transaction.Position == "" {
		t.Errorf("overdraft: %+v", err)
	}
}

func overdraft(t *testing.T, f *fixture) []byte {
	t.Helper()
	amount, err := ledger.ParseAmount("1000000000000000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	args, err := ledger.Encode(map[string]any{"to": f.secrets.ID(localnet.KindAccount, 1), "amount": amount})
	if err != nil {
		t.Fatal(err)
	}
	return args
}

func TestJSONSubmissions(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	one := base64.StdEncoding.EncodeToString(f.transfer(t, 1))
	status, header, body := f.ask(t, http.MethodPost, "/v1/transactions?wait=final", "application/json", fmt.Appendf(nil, `{"transaction":%q}`, one))
	var tx v1.Transaction
	if err := json.Unmarshal(body, &tx); err != nil || status != http.StatusOK || tx.Code != ledger.CodeOK || !tx.Final {
		t.Errorf("status %d, %s", status, body)
	}
	if at := header.Get(v1.PositionHeader); at == "" || at == "0" {
		t.Errorf("position %q", at)
	}
	two := base64.StdEncoding.EncodeToString(f.transfer(t, 1))
	status, _, body = f.ask(t, http.MethodPost, "/v1/transactions", "", fmt.Appendf(nil, `{"transactions":[%q,%q]}`, two, one))
	var batch v1.Batch
	if err := json.Unmarshal(body, &batch); err != nil || status != http.StatusOK || len(batch.Transactions) != 2 || batch.Transactions[1].ID != tx.ID {
		t.Errorf("status %d, %s", status, body)
	}
}
