package governance

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"sort"

	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// OrganisationsRow is the key of the row that lists the organisations that
// stand, ids ascending. Who is of another may not act.
const OrganisationsRow contract.Key = Name + "/organisations"

// MaxOrganisations bounds how many stand at once: every transaction asks for
// the list.
const MaxOrganisations = 256

// Organisations reads the organisations that stand, ids ascending.
func Organisations(state contract.State) ([]ledger.ID, error) {
	list, err := must[[]ledger.ID](state, OrganisationsRow)
	if err != nil {
		return nil, err
	}
	return *list, nil
}

// Stands reports whether an organisation stands. Every transaction asks, so the
// row is searched as it is: behind the head, which has less bytes than an entry,
// each entry is a head of one byte and an id.
func Stands(state contract.State, id ledger.ID) (bool, error) {
	row, ok, err := state.Get(OrganisationsRow)
	if err != nil || !ok {
		return false, cmp.Or(err, errors.New("read the organisations: the row is missing, though genesis writes it"))
	}
	const size = 1 + len(id)
	entries := row[len(row)%size:]
	entry := func(i int) []byte { return entries[i*size+1 : (i+1)*size] }
	n := len(entries) / size
	i := sort.Search(n, func(i int) bool { return bytes.Compare(entry(i), id[:]) >= 0 })
	return i < n && bytes.Equal(entry(i), id[:]), nil
}

func place(list []ledger.ID, id ledger.ID) (at int, found bool) {
	return slices.BinarySearchFunc(list, id, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
}

// RequireStanding fails with a [contract.Error] where the organisation does not
// stand. A footprint must read [OrganisationsRow].
func RequireStanding(env contract.State, id ledger.ID) error {
	ok, err := Stands(env, id)
	if err == nil && !ok {
		err = contract.Errorf(contract.CodeConflict, "organisation %s does not stand", id)
	}
	return err
}

// AddOrganisation takes an organisation in, with its first officer.
type AddOrganisation struct {
	Organisation ledger.ID        `cbor:"organisation"` // new
	Name         string           `cbor:"name"`
	Officer      ledger.ID        `cbor:"officer"` // new
	Key          ledger.PublicKey `cbor:"key"`     // the officer's
	Proof        members.Proof    `cbor:"proof"`   // of its possession
}

func (a *AddOrganisation) check() error {
	if a.Organisation.IsZero() || len(a.Name) == 0 || len(a.Name) > ledger.MaxNameBytes {
		return contract.Errorf(contract.CodeBadArguments, "organisation: want an id and a name of 1 to %d bytes", ledger.MaxNameBytes)
	}
	return nil
}

func (a *AddOrganisation) claim() *claim { return &claim{a.Organisation, a.Officer, a.Key, a.Proof} }

func (a *AddOrganisation) rows() []contract.Key {
	return append(members.Governed([]ledger.ID{a.Officer}, a.Key), OrganisationsRow, OrganisationRow(a.Organisation))
}

func (a *AddOrganisation) apply(env *contract.Env, _ uint64) error {
	if _, taken, err := env.Get(OrganisationRow(a.Organisation)); err != nil || taken {
		if err == nil {
			err = contract.Errorf(contract.CodeExists, "organisation %s stands, or did; draw a new id", a.Organisation)
		}
		return err
	}
	list, err := Organisations(env)
	if err != nil {
		return err
	}
	if len(list) >= MaxOrganisations {
		return contract.Errorf(contract.CodeConflict, "%d organisations stand, no more fit", len(list))
	}
	at, _ := place(list, a.Organisation)
	if err := contract.Store(env, OrganisationsRow, slices.Insert(list, at, a.Organisation)); err != nil {
		return err
	}
	if err := contract.Store(env, OrganisationRow(a.Organisation), &Organisation{Name: a.Name}); err != nil {
		return err
	}
	return members.Admit(env, a.Officer, a.Organisation, identity.RoleOfficer, a.Key)
}

// RemoveOrganisation takes an organisation out for ever: its nodes leave the
// group, its members may not act. Its row stays, for who reads the past.
type RemoveOrganisation struct {
	Organisation ledger.ID `cbor:"organisation"`
}

func (a *RemoveOrganisation) check() error { return nil }

func (a *RemoveOrganisation) claim() *claim { return nil }

func (a *RemoveOrganisation) rows() []contract.Key {
	return []contract.Key{OrganisationsRow, GroupRow, SuspendedRow, LiftedRow}
}

func (a *RemoveOrganisation) apply(env *contract.Env, _ uint64) error {
	list, err := Organisations(env)
	if err != nil {
		return err
	}
	at, found := place(list, a.Organisation)
	switch {
	case !found:
		return contract.Errorf(contract.CodeNotFound, "organisation %s does not stand", a.Organisation)
	case len(list) == 1:
		return contract.Errorf(contract.CodeConflict, "organisation %s is the last one", a.Organisation)
	}
	if err := contract.Store(env, OrganisationsRow, slices.Delete(list, at, at+1)); err != nil {
		return err
	}
	return changeGroup(env, func(nodes []ledger.GroupNode) ([]ledger.GroupNode, error) {
		return slices.DeleteFunc(nodes, func(n ledger.GroupNode) bool { return n.Organisation == a.Organisation }), nil
	})
}

// ReplaceOfficer puts a new officer in an old one's place, who is revoked.
type ReplaceOfficer struct {
	Organisation ledger.ID        `cbor:"organisation"`
	Old          ledger.ID        `cbor:"old"`
	New          ledger.ID        `cbor:"new"` // not a member yet
	Key          ledger.PublicKey `cbor:"key"` // the new one's
	Proof        members.Proof    `cbor:"proof"`
}

func (a *ReplaceOfficer) check() error { return nil }

func (a *ReplaceOfficer) claim() *claim { return &claim{a.Organisation, a.New, a.Key, a.Proof} }

func (a *ReplaceOfficer) rows() []contract.Key {
	return append(members.Governed([]ledger.ID{a.Old, a.New}, a.Key), OrganisationsRow)
}

func (a *ReplaceOfficer) apply(env *contract.Env, _ uint64) error {
	if err := RequireStanding(env, a.Organisation); err != nil {
		return err
	}
	if err := members.Dismiss(env, a.Old, a.Organisation, identity.RoleOfficer); err != nil {
		return err
	}
	return members.Admit(env, a.New, a.Organisation, identity.RoleOfficer, a.Key)
}
