package token_test

import (
	"slices"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

// TestTransfersMeetInNoRow holds invariant 2: what two transfers between other
// accounts have in common, neither writes, in any token.
func TestTransfersMeetInNoRow(t *testing.T) {
	t.Parallel()
	set := contract.NewSet(token.New())
	for _, about := range []*ledger.Digest{nil, &coin} {
		var all []contract.Footprint
		for n := range byte(4) {
			to, from := ledger.ID{n, 1}, ledger.ID{n, 2}
			for method, args := range map[string]any{
				token.MethodTransfer:     &token.Transfer{Token: about, To: to, Amount: of(1)},
				token.MethodTransferFrom: &token.TransferFrom{Token: about, From: to, To: from, Amount: of(1)},
			} {
				if (method == token.MethodTransfer) == (n%2 == 0) {
					continue
				}
				b, err := ledger.Encode(args)
				if err != nil {
					t.Fatal(err)
				}
				action, err := set.Bind(contract.Call{Sender: from, Contract: token.Name, Method: method, Args: b})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, action.Footprint)
			}
		}
		for i, a := range all {
			for j, b := range all {
				for _, k := range a.Writes {
					if i != j && (slices.Contains(b.Writes, k) || slices.Contains(b.Reads, k)) {
						t.Errorf("transfers %d and %d of %v meet in %q", i, j, about, k)
					}
				}
			}
		}
	}
}

// TestNativeTransferKeepsItsBytes: the arguments, the event and the footprint of a
// native transfer are what they were before there were other tokens.
func TestNativeTransferKeepsItsBytes(t *testing.T) {
	t.Parallel()
	b, err := ledger.Encode(&token.Transfer{To: bob, Amount: of(5)})
	if want := "\xa2\x62to\x50\x02" + string(make([]byte, 15)) + "\x66amount\x41\x05"; err != nil || string(b) != want {
		t.Errorf("arguments %x, %v, want %x", b, err, want)
	}
	call := contract.Call{Sender: alice, Contract: token.Name, Method: token.MethodTransfer, Args: b}
	action, err := contract.NewSet(token.New()).Bind(call)
	if err != nil {
		t.Fatal(err)
	}
	want := []contract.Key{"token/balance/" + contract.Key(alice[:]), "token/balance/" + contract.Key(bob[:]), contract.AllowanceRow(alice, ledger.Digest{})}
	if f := action.Footprint; len(f.Reads) != 0 || !slices.Equal(f.Writes, want) {
		t.Errorf("footprint %q", f)
	}
}
