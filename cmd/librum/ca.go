package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func newCACommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Run an organisation's certificate authority and enrol its members",
		Long: `Run an organisation's certificate authority: a directory with its key, a
register of members, nodes and TLS servers, the evidence by which the
organisation knows them, and the certificates issued. Names and evidence stay
there; the ledger gets random ids, keys, roles and salted digests.`,
		Example: "  librum ca init --dir librum-ca --genesis genesis.cbor --organisation organisation-0\n" +
			"  librum ca enroll request.pem --name 'Erika Mustermann' --role member --evidence passport.pdf\n" +
			"  librum ca approve --all --officer officer-key",
		RunE: chooseSubcommand,
	}
	f := &caFlags{}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.dir, "dir", "librum-ca", "directory of the authority")
	f.passphrase = addPassphraseFlag(flags, "ca-passphrase-file", "the authority's key")
	f.serverFlags = addServerFlags(cmd)
	cmd.AddCommand(
		newCAInitCommand(f), newCAEnrollCommand(f), newCAApproveCommand(f), newCACertifyCommand(f), newCARevokeCommand(f),
		newCARotateCommand(f), newCAListCommand(f), newCAEvidenceCommand(f),
	)
	return cmd
}

// caFlags are the flags of all commands of an authority.
type caFlags struct {
	*serverFlags

	dir        string
	passphrase *passphraseFlag
}

// with opens the office, does the work and closes it.
func (f *caFlags) with(work func(*ca.Office) error) (err error) {
	office, err := ca.Open(f.dir)
	switch {
	case errors.Is(err, ca.ErrNoOffice):
		return wrongUse(err)
	case err != nil:
		return &exitError{code: exitUnknown, err: err}
	}
	defer func() { err = errors.Join(err, office.Close()) }()
	return work(office)
}

// authority opens the authority's key.
func (f *caFlags) authority(office *ca.Office) (*cert.Authority, error) {
	authority, err := office.Authority(f.passphrase.ask, rand.Reader)
	if err != nil {
		return nil, wrongUse(err)
	}
	return authority, nil
}

// begin opens what an act needs that changes what was issued: the authority's
// key, and the officer who decides. The officer's client is to be closed.
func (f *caFlags) begin(ctx context.Context, office *ca.Office, flags *actorFlags) (*cert.Authority, *actor, error) {
	authority, err := f.authority(office)
	if err != nil {
		return nil, nil, err
	}
	officer, err := flags.officer(ctx, office)
	return authority, officer, err
}

// officer opens the officer who acts for the office's organisation, and asks
// the ledger whether it is one.
func (f *actorFlags) officer(ctx context.Context, office *ca.Office) (*actor, error) {
	a, err := f.act(ctx, office.Settings.Chain)
	if err != nil {
		return nil, err
	}
	m, err := a.standing(ctx, a.caller.Sender)
	switch {
	case err != nil:
		a.client.Close()
		return nil, err
	case m == nil || !slices.Contains(m.Roles, identity.RoleOfficer) || m.Organisation != office.Settings.Organisation:
		a.client.Close()
		return nil, fmt.Errorf("member %s is no officer of organisation %s", a.caller.Sender, office.Settings.Organisation)
	}
	return a, nil
}

// parseIDs reads the ids of arguments.
func parseIDs(args []string) ([]ledger.ID, error) {
	ids := make([]ledger.ID, len(args))
	for i, arg := range args {
		var err error
		if ids[i], err = ledger.ParseID(arg); err != nil {
			return nil, wrongUse(fmt.Errorf("argument %d: %w", i+1, err))
		}
	}
	return ids, nil
}

// days makes a duration of a flag.
func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// refusedByOffice gives an error of the office its exit code.
func refusedByOffice(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ca.ErrNoRecord):
		return &exitError{code: exitUnknown, err: err}
	}
	return err
}
