package document

import (
	"bytes"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/contract/identity"
)

// governanceContract documents what organisations decide: its events alone.
// Officers and nodes change between two blocks, when a proposal becomes active;
// the list of proposals changes then too, so that members are compared seldom.
func governanceContract() Contract {
	return Contract{
		Name: governance.Name,
		Fields: []Field{
			{Name: "proposal", Type: Keyword, Indexed: true, Doc: "id of the proposal"},
			{Name: FieldOrganisation, Type: Keyword, Indexed: true, Doc: "that proposed, approved or withdrew"},
			{Name: "officer", Type: Keyword, Doc: "who spoke for the organisation"},
			{Name: "node", Type: Keyword, Doc: "that the event is about"},
		},
		Sealed: sealed,
	}
}

func sealed(before, after contract.Range, touch func(Ref)) error {
	same, err := equal(before, after, governance.ProposalsRow)
	if err != nil || same {
		return err
	}
	parse := parseMember(KindIdentity, identity.MemberPrefix)
	return each(after, identity.MemberPrefix, func(row contract.Row) error {
		old, _, err := before.Get(row.Key)
		if ref, ok := parse(row.Key); ok && err == nil && !bytes.Equal(old, row.Value) {
			touch(ref)
		}
		return err
	})
}

func equal(a, b contract.State, key contract.Key) (bool, error) {
	x, inA, err := a.Get(key)
	if err != nil {
		return false, err
	}
	y, inB, err := b.Get(key)
	return inA == inB && bytes.Equal(x, y), err
}

// each visits all rows of a prefix.
func each(state contract.Range, prefix contract.Key, visit func(contract.Row) error) error {
	const page = 1_000
	for after := contract.Key(""); ; {
		rows, err := state.Scan(prefix, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := visit(row); err != nil {
				return err
			}
			after = row.Key
		}
		if len(rows) < page {
			return nil
		}
	}
}
