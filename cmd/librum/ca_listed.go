package main

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/ledger"
)

// listing is what the ledger says about an authority.
type listing string

// What the ledger may say.
const (
	listingYes     listing = "listed"
	listingNo      listing = "not listed"       // nor any other of its organisation
	listingOther   listing = "others listed"    // of its organisation, or they were
	listingRemoved listing = "removed"          // by governance, for ever
	listingOutside listing = "not at this time" // from or until when it was listed
)

// rootDigest is by what the ledger knows an office's authority: SHA-256 of its
// newest certificate's DER.
func rootDigest(office *ca.Office) ledger.Digest { return ledger.Hash(office.Roots[0].Raw) }

// listingOf looks for an organisation's authority in the ledger's list.
func listingOf(g *v1.Governance, organisation ledger.ID, certificate ledger.Digest) listing {
	found := listingNo
	for _, row := range g.CAs {
		switch {
		case row.Organisation != organisation:
		case row.Certificate != certificate:
			found = listingOther
		case row.Removed:
			return listingRemoved
		case g.LogTime < row.From || g.LogTime >= row.Until:
			return listingOutside
		default:
			return listingYes
		}
	}
	return found
}

// listing asks the ledger about an office's authority.
func (a *actor) listing(ctx context.Context, office *ca.Office) (listing, error) {
	g, err := a.client.Governance(ctx)
	if err != nil {
		return "", answered(err)
	}
	return listingOf(&g, office.Settings.Organisation, rootDigest(office)), nil
}

// asks opens the actor to ask the ledger about an office's authority.
func (f *actorFlags) asks(ctx context.Context, office *ca.Office) (listing, error) {
	a, err := f.act(ctx, office.Settings.Chain)
	if err != nil {
		return "", err
	}
	defer a.client.Close()
	return a.listing(ctx, office)
}

// mayCertify refuses an authority that is none of those that the ledger lists
// for its organisation. Where it lists none at all, that is worth a warning.
func (a *actor) mayCertify(ctx context.Context, office *ca.Office, warnings io.Writer) error {
	l, err := a.listing(ctx, office)
	if err != nil || l == listingYes {
		return err
	}
	if l == listingNo {
		say(warnings, "warning: the ledger lists no authority of this organisation; %s", l.remedy(office))
		return nil
	}
	return fmt.Errorf("the ledger does not let authority %s vouch for organisation %s (%s); %s", rootDigest(office), office.Settings.Organisation, l, l.remedy(office))
}

// remedy says what leads to a listed authority.
func (l listing) remedy(office *ca.Office) string {
	propose := fmt.Sprintf("librum gov propose add-ca %s --organisation %s", office.RootsPath(), office.Settings.Organisation)
	switch l {
	case listingRemoved, listingOutside:
		return "make it a new key (librum ca rotate authority), then have that listed: " + propose
	case listingYes:
		return ""
	case listingNo, listingOther:
	}
	return "have it listed: " + propose
}
