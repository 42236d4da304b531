package document

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
)

const fieldBalance = "balance"

// tokenContract documents accounts of the native token.
func tokenContract() Contract {
	prefix := token.BalanceRow(ledger.ID{})[:len(token.Name)+len("/balance/")]
	return Contract{
		Name: token.Name,
		Fields: []Field{
			{Name: fieldBalance, Type: Amount, Doc: "of the account, in the smallest units of the token"},
			{Name: "amount", Type: Amount, Doc: "moved, in the smallest units of the token"},
			{Name: "token", Type: Keyword, Indexed: true, Doc: "id of the created token; missing for the native one"},
			{Name: "spender", Type: Keyword, Doc: "who may move the amount"},
			{Name: "from", Type: Keyword, Indexed: true, Doc: "account that gave"},
			{Name: "to", Type: Keyword, Indexed: true, Doc: "account that received"},
			{Name: FieldOrganisation, Type: Keyword, Indexed: true, Doc: "of the member"},
		},
		Things: []Thing{{Kind: KindAccount, Prefix: prefix, Parse: parseMember(KindAccount, prefix), Load: loadAccount}},
		Touched: func(e Event, touch func(Ref)) {
			if _, created := e.digest("token"); created || e.Type != token.EventTransfer {
				return // native balances alone are documents
			}
			for _, name := range []string{"from", "to"} {
				if account, ok := e.id(name); ok {
					touch(Ref{Kind: KindAccount, Member: account})
				}
			}
		},
	}
}

func loadAccount(state contract.State, ref Ref) (Values, bool, error) {
	balance, err := token.Balance(state, ref.Member) // who has nothing has no row
	if err != nil {
		return nil, false, err
	}
	v := Values{fieldBalance: balance.String()}
	v.id(FieldOwner, ref.Member)
	// Whose officer may see it. The organisation of a member never changes.
	member, enrolled, err := contract.LoadFrom[identity.Member](state, identity.MemberRow(ref.Member))
	if err == nil && enrolled {
		v.id(FieldOrganisation, member.Organisation)
	}
	return v, true, err
}

// parseMember reads keys of a prefix and a member's id.
func parseMember(kind Kind, prefix contract.Key) func(contract.Key) (Ref, bool) {
	return func(key contract.Key) (Ref, bool) {
		rest := key[len(prefix):]
		if len(rest) != len(ledger.ID{}) {
			return Ref{}, false
		}
		return Ref{Kind: kind, Member: ledger.ID([]byte(rest))}, true
	}
}
