package nft_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/asset"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// The cases are those of OpenZeppelin's ERC721.behavior.js ("transfers", "safe
// transfers", "approve", "setApprovalForAll", "mint") and of its extensions, with
// names near to theirs; the code is our own. Each table is one function.

type step struct {
	by     ledger.ID
	method string
	args   any
}

type erc721Case struct {
	name   string
	before []step
	frozen ledger.ID
	by     ledger.ID
	args   any
	code   ledger.Code // empty: it succeeds
	owner  ledger.ID   // of token 1 afterwards; zero: there is none
	events []string    // where it succeeds
}

func tests(t *testing.T, method string, cases []erc721Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, s := range c.before {
				w.must(s.by, s.method, s.args)
			}
			if !c.frozen.IsZero() {
				w.status(c.frozen, identity.StatusFrozen)
			}
			code, events := w.run(c.by, method, c.args, false)
			if c.code == "" {
				c.code = ledger.CodeOK
			}
			kinds := make([]string, len(events))
			for i, e := range events {
				kinds[i] = e.Type
			}
			if code != c.code || !slices.Equal(kinds, c.events) {
				t.Errorf("%s with events %v, want %s with %v", code, kinds, c.code, c.events)
			}
			if got := w.owner(1); got != c.owner {
				t.Errorf("token 1 is account %s's, want %s", got, c.owner)
			}
			w.consistent()
		})
	}
}

var (
	one      = ledger.NewAmount(1)
	pausing  = step{alice, asset.MethodPause, &asset.Pause{Asset: prints}}
	approved = step{alice, nft.MethodApprove, &nft.Approve{Collection: prints, Owner: alice, Approved: bob, TokenID: one}}
	operator = step{alice, nft.MethodSetApprovalForAll, &nft.SetApprovalForAll{Collection: prints, Operator: carol, Approved: true}}
	moved    = []string{nft.EventTransfer}
)

func moving(from, to ledger.ID) *nft.TransferFrom {
	return &nft.TransferFrom{Collection: prints, From: from, To: to, TokenID: one}
}

func TestTransferFrom(t *testing.T) {
	t.Parallel()
	tests(t, nft.MethodTransferFrom, []erc721Case{
		{name: "when called by the owner", by: alice, args: moving(alice, bob), owner: bob, events: moved},
		{name: "when called by the approved individual", before: []step{approved}, by: bob, args: moving(alice, carol), owner: carol, events: moved},
		{name: "when called by the operator", before: []step{operator}, by: carol, args: moving(alice, bob), owner: bob, events: moved},
		{name: "when called by the operator without an approved user", before: []step{approved, operator}, by: carol, args: moving(alice, carol), owner: carol, events: moved},
		{name: "when sent to the owner", by: alice, args: moving(alice, alice), owner: alice, events: moved},
		{name: "when the address of the previous owner is incorrect", by: alice, args: moving(bob, carol), code: nft.CodeWrongOwner, owner: alice},
		{name: "when the sender is not authorized for the token id", by: mallory, args: moving(alice, mallory), code: contract.CodeNotPermitted, owner: alice},
		{name: "when the given token ID does not exist", by: alice, args: &nft.TransferFrom{Collection: prints, From: alice, To: bob, TokenID: ledger.MaxAmount()}, code: contract.CodeNotFound, owner: alice},
		{name: "when the collection does not exist", by: alice, args: &nft.TransferFrom{From: alice, To: bob}, code: contract.CodeNotFound, owner: alice},
		{name: "when the address to transfer the token to is the zero address", by: alice, args: moving(alice, ledger.ID{}), code: contract.CodeBadArguments, owner: alice},
		{name: "from the zero address", by: alice, args: moving(ledger.ID{}, alice), code: contract.CodeBadArguments, owner: alice},
		{name: "an approval ends with a transfer", before: []step{approved, {alice, nft.MethodTransferFrom, moving(alice, carol)}}, by: bob, args: moving(carol, bob), code: contract.CodeNotPermitted, owner: carol},
		{name: "an approval ends with a transfer to oneself", before: []step{approved, {alice, nft.MethodTransferFrom, moving(alice, alice)}}, by: bob, args: moving(alice, bob), code: contract.CodeNotPermitted, owner: alice},
		{name: "an operator no longer", before: []step{operator, {alice, nft.MethodSetApprovalForAll, &nft.SetApprovalForAll{Collection: prints, Operator: carol}}}, by: carol, args: moving(alice, carol), code: contract.CodeNotPermitted, owner: alice},
		{name: "when paused", before: []step{pausing}, by: alice, args: moving(alice, bob), code: asset.CodePaused, owner: alice},
		{name: "frozen owner", before: []step{operator}, frozen: alice, by: carol, args: moving(alice, bob), code: members.CodeNotActive, owner: alice},
		{name: "frozen receiver", frozen: bob, by: alice, args: moving(alice, bob), code: members.CodeNotActive, owner: alice},
		{name: "to a receiver without asking", by: alice, args: moving(alice, shelf), owner: shelf, events: moved},
	})
}

// TestSafeTransferFrom covers re-entrance too: the handler runs when the token is
// the receiver's, so all it can do with the sender's is what anybody can.
func TestSafeTransferFrom(t *testing.T) {
	t.Parallel()
	safely := func(to ledger.ID, data string) *nft.SafeTransferFrom {
		return &nft.SafeTransferFrom{TransferFrom: *moving(alice, to), Data: []byte(data)}
	}
	twice := []string{nft.EventTransfer, nft.EventTransfer}
	tests(t, nft.MethodSafeTransferFrom, []erc721Case{
		{name: "to a user account", by: alice, args: safely(bob, "anything"), owner: bob, events: moved},
		{name: "to a valid receiver contract", by: alice, args: safely(shelf, ""), owner: shelf, events: moved},
		{name: "to a receiver contract that refuses", by: alice, args: safely(shelf, "refuse"), code: nft.CodeRefused, owner: alice},
		{name: "who is not authorized asks no handler", by: mallory, args: safely(shelf, "forward"), code: contract.CodeNotPermitted, owner: alice},
		{name: "re-entrance: it goes on to a third", by: alice, args: safely(shelf, "forward"), owner: carol, events: twice},
		{name: "re-entrance: it goes back", by: alice, args: safely(shelf, "return"), owner: alice, events: twice},
		{name: "re-entrance: another token of the sender's", by: alice, args: safely(shelf, "steal"), code: contract.CodeNotPermitted, owner: alice},
		{name: "re-entrance: as if it were the sender's still", by: alice, args: safely(shelf, "undo"), code: nft.CodeWrongOwner, owner: alice},
		{name: "a handler that touches what it did not name", by: alice, args: safely(shelf, "outside"), code: contract.CodeOutsideFootprint, owner: alice},
		{name: "too much data", by: alice, args: safely(bob, strings.Repeat("d", nft.MaxDataBytes+1)), code: contract.CodeBadArguments, owner: alice},
	})
}

func TestMint(t *testing.T) {
	t.Parallel()
	change := func(f func(*nft.Mint)) *nft.Mint {
		a := minting(bob, 3)
		f(a)
		return a
	}
	minter := step{alice, asset.MethodGrantRole, &asset.Role{Asset: prints, Role: asset.Minter, Account: bob}}
	tests(t, nft.MethodMint, []erc721Case{
		{name: "a minter mints", by: alice, args: minting(bob, 3), owner: alice, events: moved},
		{name: "an id of zero", by: alice, args: minting(bob, 0), owner: alice, events: moved},
		{name: "the largest id", by: alice, args: change(func(a *nft.Mint) { a.TokenID = ledger.MaxAmount() }), owner: alice, events: moved},
		{name: "an object of the nodes", by: alice, args: change(func(a *nft.Mint) { a.URI = "" }), owner: alice, events: moved},
		{name: "a granted minter", before: []step{minter}, by: bob, args: minting(bob, 3), owner: alice, events: moved},
		{name: "reverts when adding a token id that already exists", by: alice, args: minting(bob, 1), code: contract.CodeExists, owner: alice},
		{name: "reverts with a null destination address", by: alice, args: minting(ledger.ID{}, 3), code: contract.CodeBadArguments, owner: alice},
		{name: "who is no minter", by: mallory, args: minting(mallory, 3), code: contract.CodeNotPermitted, owner: alice},
		{name: "when paused", before: []step{pausing}, by: alice, args: minting(bob, 3), code: asset.CodePaused, owner: alice},
		{name: "frozen receiver", frozen: bob, by: alice, args: minting(bob, 3), code: members.CodeNotActive, owner: alice},
		{name: "no such collection", by: alice, args: change(func(a *nft.Mint) { a.Collection = ledger.Digest{} }), code: contract.CodeNotFound, owner: alice},
		{name: "no digest", by: alice, args: change(func(a *nft.Mint) { a.Digest = ledger.Digest{} }), code: contract.CodeBadArguments, owner: alice},
		{name: "no media type", by: alice, args: change(func(a *nft.Mint) { a.MediaType = "" }), code: contract.CodeBadArguments, owner: alice},
		{name: "half a media type", by: alice, args: change(func(a *nft.Mint) { a.MediaType = "image" }), code: contract.CodeBadArguments, owner: alice},
		{name: "a script for an address", by: alice, args: change(func(a *nft.Mint) { a.URI = "javascript:alert(1)" }), code: contract.CodeBadArguments, owner: alice},
		{name: "a line in the address", by: alice, args: change(func(a *nft.Mint) { a.URI = "https://a\nb" }), code: contract.CodeBadArguments, owner: alice},
		{name: "a long address", by: alice, args: change(func(a *nft.Mint) { a.URI = "https://" + strings.Repeat("a", nft.MaxURIBytes) }), code: contract.CodeBadArguments, owner: alice},
	})
}

func TestSafeMint(t *testing.T) {
	t.Parallel()
	safely := func(data string) *nft.SafeMint { return &nft.SafeMint{Mint: *minting(shelf, 3), Data: []byte(data)} }
	tests(t, nft.MethodSafeMint, []erc721Case{
		{name: "calls onERC721Received", by: alice, args: safely(""), owner: alice, events: moved},
		{name: "it goes on to a third", by: alice, args: safely("forward"), owner: alice, events: []string{nft.EventTransfer, nft.EventTransfer}},
		{name: "a receiver that refuses", by: alice, args: safely("refuse"), code: nft.CodeRefused, owner: alice},
		{name: "to nobody", by: alice, args: safely("return"), code: contract.CodeBadArguments, owner: alice},
		{name: "who is no minter", by: mallory, args: safely(""), code: contract.CodeNotPermitted, owner: alice},
	})
}

func TestBurn(t *testing.T) {
	t.Parallel()
	burning := &nft.Burn{Collection: prints, From: alice, TokenID: one}
	tests(t, nft.MethodBurn, []erc721Case{
		{name: "burns the given token ID and adjusts the balance of the owner", by: alice, args: burning, events: moved},
		{name: "when approved", before: []step{approved}, by: bob, args: burning, events: moved},
		{name: "by an operator", before: []step{operator}, by: carol, args: burning, events: moved},
		{name: "when there is no previous approval burned", by: mallory, args: burning, code: contract.CodeNotPermitted, owner: alice},
		{name: "when the given token ID was not tracked by this contract", by: alice, args: &nft.Burn{Collection: prints, From: alice, TokenID: ledger.NewAmount(9)}, code: contract.CodeNotFound, owner: alice},
		{name: "of another owner", by: alice, args: &nft.Burn{Collection: prints, From: bob, TokenID: one}, code: nft.CodeWrongOwner, owner: alice},
		{name: "when paused", before: []step{pausing}, by: alice, args: burning, code: asset.CodePaused, owner: alice},
		{name: "twice", before: []step{{alice, nft.MethodBurn, burning}}, by: alice, args: burning, code: contract.CodeNotFound},
	})
}

func TestApprove(t *testing.T) {
	t.Parallel()
	to := func(owner, account ledger.ID) *nft.Approve {
		return &nft.Approve{Collection: prints, Owner: owner, Approved: account, TokenID: one}
	}
	said := []string{nft.EventApproval}
	tests(t, nft.MethodApprove, []erc721Case{
		{name: "when approving a non-zero address", by: alice, args: to(alice, bob), owner: alice, events: said},
		{name: "when clearing approval", before: []step{approved}, by: alice, args: to(alice, ledger.ID{}), owner: alice, events: said},
		{name: "when the sender is an operator", before: []step{operator}, by: carol, args: to(alice, bob), owner: alice, events: said},
		{name: "when the sender does not own the given token ID", by: mallory, args: to(alice, mallory), code: contract.CodeNotPermitted, owner: alice},
		{name: "when the sender is approved for the given token ID", before: []step{approved}, by: bob, args: to(alice, carol), code: contract.CodeNotPermitted, owner: alice},
		{name: "when the given token ID does not exist", by: alice, args: &nft.Approve{Collection: prints, Owner: alice, TokenID: ledger.NewAmount(9)}, code: contract.CodeNotFound, owner: alice},
		{name: "as another owner", by: mallory, args: to(mallory, mallory), code: nft.CodeWrongOwner, owner: alice},
	})
	w := newWorld(t)
	w.must(approved.by, approved.method, approved.args)
	w.must(alice, nft.MethodApprove, to(alice, ledger.ID{}))
	if code, _ := w.run(bob, nft.MethodTransferFrom, moving(alice, bob), false); code != contract.CodeNotPermitted {
		t.Errorf("a cleared approval moves the token: %s", code)
	}
}

func TestSetApprovalForAll(t *testing.T) {
	t.Parallel()
	said := []string{nft.EventApprovalForAll}
	tests(t, nft.MethodSetApprovalForAll, []erc721Case{
		{name: "when there is no operator approval set by the sender", by: alice, args: operator.args, owner: alice, events: said},
		{name: "when the operator was set as approved", before: []step{operator}, by: alice, args: operator.args, owner: alice, events: said},
		{name: "not approved, never was", by: alice, args: &nft.SetApprovalForAll{Collection: prints, Operator: bob}, owner: alice, events: said},
		{name: "when the operator is address zero", by: alice, args: &nft.SetApprovalForAll{Collection: prints, Approved: true}, code: contract.CodeBadArguments, owner: alice},
		{name: "no such collection", by: alice, args: &nft.SetApprovalForAll{Operator: bob, Approved: true}, code: contract.CodeNotFound, owner: alice},
	})
}

func TestCreate(t *testing.T) {
	t.Parallel()
	good := &nft.Create{Key: []byte("k"), Name: "Prints", Symbol: "PRT"}
	tests(t, nft.MethodCreate, []erc721Case{
		{name: "a collection", by: bob, args: good, owner: alice, events: []string{nft.EventCreated, "nft.role_granted", "nft.role_granted", "nft.role_granted", "nft.role_granted"}},
		{name: "twice", before: []step{{bob, nft.MethodCreate, good}}, by: bob, args: good, code: contract.CodeExists, owner: alice},
		{name: "without a key", by: bob, args: &nft.Create{Name: "N", Symbol: "S"}, code: contract.CodeBadArguments, owner: alice},
		{name: "without a symbol", by: bob, args: &nft.Create{Key: []byte("k"), Name: "N"}, code: contract.CodeBadArguments, owner: alice},
		{name: "by a frozen member", frozen: bob, by: bob, args: good, code: members.CodeNotActive, owner: alice},
	})
}

// TestDelegateKeys: no method is signed by a delegate key.
func TestDelegateKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for method, args := range map[string]any{
		nft.MethodCreate: &nft.Create{Key: []byte("k"), Name: "N", Symbol: "S"}, nft.MethodMint: minting(bob, 3), nft.MethodSafeMint: &nft.SafeMint{Mint: *minting(bob, 3)},
		nft.MethodBurn: &nft.Burn{Collection: prints, From: alice, TokenID: one}, nft.MethodTransferFrom: moving(alice, bob),
		nft.MethodSafeTransferFrom: &nft.SafeTransferFrom{TransferFrom: *moving(alice, bob)}, nft.MethodApprove: approved.args, nft.MethodSetApprovalForAll: operator.args,
	} {
		if code, _ := w.run(alice, method, args, true); code != contract.CodeNotPermitted {
			t.Errorf("%s by a delegate key: %s", method, code)
		}
	}
}
