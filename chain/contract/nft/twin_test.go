package nft_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/contract/nft"
	"github.com/librum/librum/chain/ledger"
)

// twin is ERC-721 as its text has it, over maps.
type twin struct {
	owner     map[uint64]ledger.ID
	approved  map[uint64]ledger.ID
	operators map[[2]ledger.ID]bool
}

func (t *twin) may(by, owner ledger.ID, id uint64) bool {
	is, ok := t.owner[id]
	return ok && is == owner && (by == owner || t.approved[id] == by || t.operators[[2]ledger.ID{owner, by}])
}

// callsLikeTheTwin draws calls and compares contract and twin after each.
func callsLikeTheTwin(r *rapid.T, w *world) {
	model := &twin{owner: map[uint64]ledger.ID{1: alice, 2: alice}, approved: map[uint64]ledger.ID{}, operators: map[[2]ledger.ID]bool{}}
	people := []ledger.ID{alice, bob, carol}
	for range rapid.IntRange(1, 30).Draw(r, "calls") {
		by, from, to := rapid.SampledFrom(people).Draw(r, "by"), rapid.SampledFrom(people).Draw(r, "from"), rapid.SampledFrom(people).Draw(r, "to")
		number := rapid.Uint64Range(1, 4).Draw(r, "id")
		id := ledger.NewAmount(number)
		var method string
		var args any
		var want bool
		switch rapid.IntRange(0, 6).Draw(r, "method") {
		case 0, 1:
			method, args = nft.MethodTransferFrom, &nft.TransferFrom{Collection: prints, From: from, To: to, TokenID: id}
			if want = model.may(by, from, number); want {
				model.owner[number] = to
				delete(model.approved, number)
			}
		case 2: // there and on to carol in one call
			method = nft.MethodSafeTransferFrom
			args = &nft.SafeTransferFrom{TransferFrom: nft.TransferFrom{Collection: prints, From: from, To: shelf, TokenID: id}, Data: []byte("forward")}
			if want = model.may(by, from, number); want {
				model.owner[number] = carol
				delete(model.approved, number)
			}
		case 3:
			method, args = nft.MethodMint, minting(to, number)
			if _, there := model.owner[number]; !there && by == alice {
				want, model.owner[number] = true, to
			}
		case 4:
			method, args = nft.MethodBurn, &nft.Burn{Collection: prints, From: from, TokenID: id}
			if want = model.may(by, from, number); want {
				delete(model.owner, number)
				delete(model.approved, number)
			}
		case 5:
			method, args = nft.MethodApprove, &nft.Approve{Collection: prints, Owner: from, Approved: to, TokenID: id}
			is, there := model.owner[number]
			if want = there && is == from && (by == from || model.operators[[2]ledger.ID{from, by}]); want {
				model.approved[number] = to
			}
		default:
			yes := rapid.Bool().Draw(r, "approved")
			method, args = nft.MethodSetApprovalForAll, &nft.SetApprovalForAll{Collection: prints, Operator: to, Approved: yes}
			want, model.operators[[2]ledger.ID{by, to}] = true, yes
		}
		if code, _ := w.run(by, method, args, false); (code == ledger.CodeOK) != want {
			r.Fatalf("%s %+v by %s: %s, the twin says %t", method, args, by.Short(), code, want)
		}
		for number := range uint64(5) {
			if got := w.owner(number); got != model.owner[number] {
				r.Fatalf("token %d is %s's, the twin says %s's", number, got.Short(), model.owner[number].Short())
			}
		}
		w.consistent() // invariant 1
	}
}

func TestCallsLikeTheTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) { callsLikeTheTwin(r, newWorld(r)) })
}

func FuzzCalls(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(r *rapid.T) { callsLikeTheTwin(r, newWorld(r)) }))
}

// FuzzBind: no bytes make a call of this contract panic or tear its rows apart.
func FuzzBind(f *testing.F) {
	methods := nft.New().Methods
	b, err := ledger.Encode(moving(alice, bob))
	if err != nil {
		f.Fatal(err)
	}
	for i := range methods {
		f.Add(byte(i), b)
	}
	f.Fuzz(func(t *testing.T, method byte, args []byte) {
		w := newWorld(t)
		w.call(alice, methods[int(method)%len(methods)].Name, args, false)
		w.consistent()
	})
}
