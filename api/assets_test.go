package api_test

import (
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/asset"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// act signs and submits a call for an account, and fails where it is refused.
func (f *fixture) act(t *testing.T, account int, of, method string, args any) v1.Transaction {
	t.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		t.Fatal(err)
	}
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: f.Chain, Sender: f.secrets.ID(localnet.KindAccount, account),
		Contract: of, Method: method, Args: b, Nonce: nonce(), Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	out, err := f.client.Submit(t.Context(), f.sign(t, &tx, localnet.KindAccount, account), client.Executed)
	if err != nil || out.Code != ledger.CodeOK {
		t.Fatalf("%s.%s: %+v, %v", of, method, out, err)
	}
	return out
}

func TestTokens(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	ctx := t.Context()
	alice, bob := f.secrets.ID(localnet.KindAccount, 0), f.secrets.ID(localnet.KindAccount, 1)
	asAlice, asBob, asCarol := f.as(t, localnet.KindAccount, 0), f.as(t, localnet.KindAccount, 1), f.as(t, localnet.KindAccount, 2)
	id := asset.ID(alice, []byte("mill"))
	f.act(t, 0, token.Name, token.MethodCreate, &token.Create{
		Key: []byte("mill"), Name: "A mill", Symbol: "MILL", Decimals: 2, Supply: ledger.NewAmount(1_000), Cap: ledger.NewAmount(2_000),
	})
	f.act(t, 0, token.Name, token.MethodTransfer, &token.Transfer{Token: &id, To: bob, Amount: ledger.NewAmount(300)})
	f.act(t, 0, token.Name, token.MethodApprove, &token.Approve{Token: &id, Spender: bob, Amount: ledger.NewAmount(50)})
	f.act(t, 1, token.Name, token.MethodTransferFrom, &token.TransferFrom{Token: &id, From: alice, To: bob, Amount: ledger.NewAmount(20)})

	one, err := asCarol.client.FungibleToken(ctx, id)
	if err != nil || one.Symbol != "MILL" || one.Supply != ledger.NewAmount(1_000) || one.Cap == nil || *one.Cap != ledger.NewAmount(2_000) || one.Creator == nil || *one.Creator != alice || one.Paused {
		t.Errorf("token %+v, %v", one, err)
	}
	var listed []v1.Token
	for page := (client.Page{Limit: 1}); ; {
		list, err := asCarol.client.FungibleTokens(ctx, page)
		if err != nil || len(list.Tokens) > 1 {
			t.Fatalf("page %+v, %v", list, err)
		}
		listed = append(listed, list.Tokens...)
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	if len(listed) != 2 || !listed[0].Native || listed[0].Symbol != "LCNC" || listed[1].ID != id {
		t.Errorf("tokens %+v", listed)
	}
	if got, err := asBob.client.Balance(ctx, id, bob); err != nil || got.Balance != ledger.NewAmount(320) || len(got.Roles) != 0 {
		t.Errorf("bob's balance %+v, %v", got, err)
	}
	if got, err := asAlice.client.Balance(ctx, id, alice); err != nil || got.Balance != ledger.NewAmount(680) || len(got.Roles) != 4 {
		t.Errorf("alice's balance %+v, %v", got, err)
	}
	if got, err := asBob.client.Allowance(ctx, id, alice, bob); err != nil || got.Amount != ledger.NewAmount(30) {
		t.Errorf("allowance %+v, %v", got, err)
	}
	if got, err := asAlice.client.Balances(ctx, id, client.Page{}); err != nil || len(got.Balances) != 2 || got.NextCursor != "" {
		t.Errorf("register %+v, %v", got, err)
	}
	_, err = asCarol.client.Balance(ctx, id, bob)
	refused(t, "another's balance", "not_permitted", err)
	_, err = asCarol.client.Allowance(ctx, id, alice, bob)
	refused(t, "others' allowance", "not_permitted", err)
	_, err = asBob.client.Balances(ctx, id, client.Page{})
	refused(t, "the register for a holder", "not_permitted", err)
	_, err = asBob.client.Balances(ctx, ledger.Digest{}, client.Page{})
	refused(t, "the native register", "not_permitted", err)
	_, err = asAlice.client.FungibleToken(ctx, ledger.Digest{1})
	refused(t, "no such token", "not_found", err)
	_, err = asAlice.client.Balances(ctx, id, client.Page{Cursor: "zz"})
	refused(t, "a cursor of its own", "invalid", err)
}

func TestNFTs(t *testing.T) {
	t.Parallel()
	f := start(t, options{})
	ctx := t.Context()
	alice, bob := f.secrets.ID(localnet.KindAccount, 0), f.secrets.ID(localnet.KindAccount, 1)
	asAlice, asBob := f.as(t, localnet.KindAccount, 0), f.as(t, localnet.KindAccount, 1)
	id := asset.ID(alice, []byte("prints"))
	digest := ledger.Hash([]byte("a print"))
	f.act(t, 0, nft.Name, nft.MethodCreate, &nft.Create{Key: []byte("prints"), Name: "Prints", Symbol: "PRT"})
	for n := range uint64(3) {
		f.act(t, 0, nft.Name, nft.MethodMint, &nft.Mint{Collection: id, To: alice, TokenID: ledger.NewAmount(n), Digest: digest, MediaType: "image/png"})
	}
	tx := f.act(t, 0, nft.Name, nft.MethodTransferFrom, &nft.TransferFrom{Collection: id, From: alice, To: bob, TokenID: ledger.NewAmount(2)})
	var moved struct {
		TokenID string `json:"token_id"`
	}
	if len(tx.Events) != 1 {
		t.Fatalf("events %+v", tx.Events)
	}
	if decode(t, tx.Events[0].Data, &moved); moved.TokenID != "2" {
		t.Errorf("event %s", tx.Events[0].Data)
	}
	f.act(t, 0, nft.Name, nft.MethodApprove, &nft.Approve{Collection: id, Owner: alice, Approved: bob, TokenID: ledger.NewAmount(0)})

	list, err := asBob.client.Collections(ctx, client.Page{})
	if err != nil || len(list.Collections) != 1 || list.Collections[0].Supply != nil || list.Collections[0].Name != "Prints" {
		t.Errorf("collections %+v, %v", list, err)
	}
	if c, err := asBob.client.Collection(ctx, id); err != nil || c.Supply == nil || *c.Supply != 3 {
		t.Errorf("collection %+v, %v", c, err)
	}
	one, err := asBob.client.NFT(ctx, id, ledger.NewAmount(0))
	if err != nil || one.Owner != alice || one.Approved == nil || *one.Approved != bob || one.Object.Digest != digest {
		t.Errorf("token %+v, %v", one, err)
	}
	ids := func(c *client.Client, owner ledger.ID) (all []string) {
		for page := (client.Page{Limit: 2}); ; {
			list, err := c.NFTs(ctx, id, owner, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range list.NFTs {
				all = append(all, n.TokenID.String()+" of "+n.Owner.Short())
			}
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				return all
			}
		}
	}
	if got := ids(asAlice.client, ledger.ID{}); len(got) != 3 || got[2] != "2 of "+bob.Short() {
		t.Errorf("the collection holds %v", got)
	}
	if got := ids(asAlice.client, alice); len(got) != 2 || got[1] != "1 of "+alice.Short() {
		t.Errorf("alice has %v", got)
	}
	if got := ids(asBob.client, bob); len(got) != 1 {
		t.Errorf("bob has %v", got)
	}
	_, err = asBob.client.NFTs(ctx, id, ledger.ID{}, client.Page{})
	refused(t, "all tokens for who is no admin", "not_permitted", err)
	_, err = asBob.client.NFTs(ctx, id, alice, client.Page{})
	refused(t, "another's tokens", "not_permitted", err)
	_, err = asBob.client.NFT(ctx, id, ledger.NewAmount(9))
	refused(t, "no such token", "not_found", err)
	_, err = asAlice.client.NFTs(ctx, ledger.Digest{}, alice, client.Page{})
	refused(t, "no such collection", "not_found", err)
	for _, path := range []string{"/balances/" + alice.String(), "/operators/" + alice.String() + "/" + bob.String()} {
		if status, _, b := asAlice.ask(t, "GET", "/v1/nfts/"+id.String()+path, "", nil); status != 200 {
			t.Errorf("%s: %d %s", path, status, b)
		}
	}
}
