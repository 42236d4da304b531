package document

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
)

// identityContract documents the public part of identities: what the ledger says
// of a pseudonym. Digests of evidence are left out: nobody looks for them.
func identityContract() Contract {
	prefix := contract.Key(identity.MemberPrefix)
	return Contract{
		Name: identity.Name,
		Fields: []Field{
			{Name: FieldOrganisation, Type: Keyword, Indexed: true, Doc: "of the member"},
			{Name: "member", Type: Keyword, Indexed: true, Doc: "whom the event is about"},
			{Name: "officer", Type: Keyword, Doc: "who enrolled or changed the member"},
			{Name: "roles", Type: Keyword, Many: true, Doc: "of the member"},
			{Name: "status", Type: Keyword, Doc: "of the member: active, frozen or revoked"},
			{Name: "keys", Type: Keyword, Many: true, Doc: "ids of the member's keys, old ones included"},
		},
		Things: []Thing{{Kind: KindIdentity, Prefix: prefix, Parse: parseMember(KindIdentity, prefix), Load: loadIdentity}},
		// Every event of the contract names its member; those of delegate keys
		// leave the row as it is, and writing it again does no harm.
		Touched: func(e Event, touch func(Ref)) {
			if member, ok := e.id("member"); ok {
				touch(Ref{Kind: KindIdentity, Member: member})
			}
		},
	}
}

func loadIdentity(state contract.State, ref Ref) (Values, bool, error) {
	m, ok, err := contract.LoadFrom[identity.Member](state, identity.MemberRow(ref.Member))
	if err != nil || !ok {
		return nil, false, err
	}
	keys := make([]string, len(m.Keys))
	for i, k := range m.Keys {
		keys[i] = k.Key.ID().String()
	}
	v := Values{}
	v.id(FieldOwner, ref.Member)
	v.id(FieldOrganisation, m.Organisation)
	v.id("officer", m.Officer)
	v.keyword("status", string(m.Status))
	v.many("roles", m.Roles)
	v.many("keys", keys)
	v.time("expiry", m.Expiry)
	return v, true, nil
}
