package nft_test

import (
	"errors"
	"strings"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

var (
	alice   = ledger.ID{1}
	bob     = ledger.ID{2}
	carol   = ledger.ID{3}
	mallory = ledger.ID{4}
	shelf   = nft.AccountOf("shelf")
	prints  = asset.ID(alice, []byte("prints"))
)

const logTime = 1_000

// world is a state with four members, a collection of alice's of which she has
// token 1 and token 2, and a receiver that does what it is told.
type world struct {
	rapid.TB

	rows aplostest.Rows
	set  *contract.Set
}

// onShelf is a handler that tries what its data says.
func onShelf() nft.Receiver {
	again := func(told nft.Received) *nft.TransferFrom {
		a := &nft.TransferFrom{Collection: told.Collection, From: shelf, To: carol, TokenID: told.TokenID}
		switch string(told.Data) {
		case "return":
			a.To = told.From
		case "steal": // another token of the sender's
			a.From, a.TokenID = told.From, ledger.NewAmount(2)
		case "undo": // as if it were the sender's still
			a.From = told.From
		}
		return a
	}
	return nft.Receiver{
		Account: shelf,
		Footprint: func(told nft.Received) (contract.Footprint, error) {
			if s := string(told.Data); s == "" || s == "refuse" || s == "outside" {
				return contract.Footprint{}, nil
			}
			return nft.TransferFromFootprint(contract.Call{Sender: shelf}, again(told))
		},
		OnReceived: func(env *contract.Env, call contract.Call, told nft.Received) error {
			switch string(told.Data) {
			case "":
				return nil
			case "refuse":
				return contract.Errorf(nft.CodeRefused, "the shelf is full")
			case "outside":
				return env.Set(nft.BalanceRow(told.Collection, carol), []byte{1})
			}
			return nft.TransferFromOwner(env, call, again(told))
		},
	}
}

func newWorld(tb rapid.TB) *world {
	tb.Helper()
	w := &world{TB: tb, rows: aplostest.Rows{}, set: contract.NewSet(nft.New(onShelf()))}
	for _, m := range []ledger.ID{alice, bob, carol, mallory} {
		w.status(m, identity.StatusActive)
	}
	w.must(alice, nft.MethodCreate, &nft.Create{Key: []byte("prints"), Name: "Prints", Symbol: "PRT"})
	for id := range uint64(2) {
		w.must(alice, nft.MethodMint, minting(alice, id+1))
	}
	return w
}

func minting(to ledger.ID, id uint64) *nft.Mint {
	return &nft.Mint{
		Collection: prints, To: to, TokenID: ledger.NewAmount(id), Digest: ledger.Hash([]byte{byte(id)}), MediaType: "image/png", URI: "ipfs://bafy",
	}
}

func (w *world) status(id ledger.ID, s identity.Status) {
	w.Helper()
	b, err := ledger.Encode(&members.Member{Organisation: ledger.ID{9}, Roles: []string{identity.RoleMember}, Status: s})
	if err != nil {
		w.Fatal(err)
	}
	w.rows[members.MemberRow(id)] = b
}

func (w *world) run(sender ledger.ID, method string, args any, delegated bool) (ledger.Code, []ledger.Event) {
	w.Helper()
	b, err := ledger.Encode(args)
	if err != nil {
		w.Fatal(err)
	}
	return w.call(sender, method, b, delegated)
}

func (w *world) call(sender ledger.ID, method string, b []byte, delegated bool) (ledger.Code, []ledger.Event) {
	w.Helper()
	action, err := w.set.Bind(contract.Call{Sender: sender, Contract: nft.Name, Method: method, Args: b, LogTime: logTime})
	var env *contract.Env
	if err == nil {
		env = contract.NewEnv(w.rows, action.Footprint, logTime)
		env.SetDelegated(delegated)
		err = action.Run(env)
	}
	if err != nil {
		refused, ok := errors.AsType[*contract.Error](err)
		if !ok {
			w.Fatalf("%s: %v", method, err)
		}
		return refused.Code, nil
	}
	w.rows.Apply(env.Writes())
	return ledger.CodeOK, env.Events()
}

func (w *world) must(sender ledger.ID, method string, args any) {
	w.Helper()
	if code, _ := w.run(sender, method, args, false); code != ledger.CodeOK {
		w.Fatalf("%s: %s", method, code)
	}
}

// owner returns whose a token is, zero where there is none.
func (w *world) owner(id uint64) ledger.ID {
	w.Helper()
	t, ok, err := contract.LoadFrom[nft.Token](w.rows, nft.TokenRow(prints, ledger.NewAmount(id)))
	if err != nil {
		w.Fatal(err)
	}
	if !ok {
		return ledger.ID{}
	}
	return t.Owner
}

// consistent holds invariant 1: index and counts are what the tokens' rows say.
func (w *world) consistent() {
	w.Helper()
	rows, err := w.rows.Scan(nft.TokenPrefix(prints), "", 1_000)
	if err != nil {
		w.Fatal(err)
	}
	has := map[ledger.ID]uint64{}
	index := map[contract.Key]bool{}
	for _, r := range rows {
		var t nft.Token
		if err := ledger.Decode("token", r.Value, 10_000, &t); err != nil {
			w.Fatal(err)
		}
		has[t.Owner]++
		index[nft.OwnedPrefix(t.Owner)+contract.Key(prints[:])+r.Key[len(nft.TokenPrefix(prints)):]] = true
	}
	for _, account := range []ledger.ID{alice, bob, carol, mallory, shelf} {
		if n, err := nft.BalanceOf(w.rows, prints, account); err != nil || n != has[account] {
			w.Fatalf("account %s counts %d, %v, and has %d", account.Short(), n, err, has[account])
		}
	}
	for key := range w.rows {
		if strings.HasPrefix(string(key), nft.Name+"/owned/") {
			if !index[key] {
				w.Fatalf("index row %q of a token that is not there", key)
			}
			delete(index, key)
		}
	}
	if len(index) != 0 {
		w.Fatalf("%d tokens stand in no index", len(index))
	}
	if n, err := nft.TotalSupply(w.rows, prints); err != nil || n != uint64(len(rows)) {
		w.Fatalf("the collection counts %d, %v, and has %d", n, err, len(rows))
	}
}
