package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
)

func newCARotateCommand(f *caFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the authority's key, or renew a certificate",
		Example: "  librum ca rotate authority\n" +
			"  librum ca rotate certificate 7c1e… --request new.pem --officer officer-key",
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(newCARotateAuthorityCommand(f), newCARotateCertificateCommand(f))
	return cmd
}

func newCARotateAuthorityCommand(f *caFlags) *cobra.Command {
	var keyURI string
	var next *passphraseFlag
	cmd := &cobra.Command{
		Use:   "authority",
		Short: "Give the authority a new key",
		Long: `Give the authority a new key. The old one vouches for it: whoever trusts the old
certificate believes what the new key issues, by a certificate that goes along
with those issued. ca.pem holds both; give it to those who are to trust it, in
their own time. Nothing that was issued ends. The old key's file stays; move it
away when nothing is left to do with it.`,
		Example: "  librum ca rotate authority --ca-passphrase-file old --new-passphrase-file new",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(func(office *ca.Office) error {
				authority, err := f.authority(office)
				if err != nil {
					return err
				}
				secrets := ca.Secrets{KeyURI: keyURI, Ask: next.ask}
				if keyURI == "" {
					if secrets.Passphrase, err = next.choose("passphrase of the authority's new key"); err != nil {
						return wrongUse(err)
					}
				}
				if err := office.Rotate(authority, secrets, time.Now(), rand.Reader); err != nil {
					return err
				}
				if f.json {
					return printJSON(cmd.OutOrStdout(), struct {
						Generation int `json:"generation"`
					}{office.Settings.Generation})
				}
				say(cmd.OutOrStdout(), "the authority has key %d now; those who trust it need not hurry to take the new %s", office.Settings.Generation, office.RootsPath())
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&keyURI, "key", "", "pkcs11: URI of a token's key that is to be the authority's (default a new key in a file)")
	next = addPassphraseFlag(cmd.Flags(), "new-passphrase-file", "the new key")
	return cmd
}

func newCARotateCertificateCommand(f *caFlags) *cobra.Command {
	var request string
	var withdraw bool
	var life int
	var officer *actorFlags
	cmd := &cobra.Command{
		Use:   "certificate ID",
		Short: "Renew a certificate, for the same key or a new one",
		Long: `Renew a certificate, by a new request. A member or node has changed its key on the
ledger before (librum identity rotate), which is asked. The old certificate
holds until it ends, so that nothing fails meanwhile; with --withdraw it goes
on the list of revoked ones, as after a theft of its key.`,
		Example: "  librum ca rotate certificate 7c1e… --request new.pem --officer officer-key",
		Args:    oneArgument("the id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			if life < 1 || life > 3650 {
				return wrongUse(errors.New("--days is 1 to 3650"))
			}
			text, err := readBounded(request, cert.MaxRequestBytes)
			if err != nil {
				return wrongUse(fmt.Errorf("--request: %w", err))
			}
			return f.with(func(office *ca.Office) error {
				return renew(cmd, f, officer, office, id, text, withdraw, days(life))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&request, "request", "", "file with the new request")
	flags.BoolVar(&withdraw, "withdraw", false, "revoke the old certificate")
	flags.IntVar(&life, "days", 365, "days for which the certificate holds")
	officer = addActorFlags(cmd, f.serverFlags, "officer", "the officer who renews")
	return cmd
}

func renew(
	cmd *cobra.Command, f *caFlags, flags *actorFlags, office *ca.Office, id ledger.ID, text []byte, withdraw bool, life time.Duration,
) error {
	record, err := office.Record(id)
	if err != nil {
		return refusedByOffice(err)
	}
	authority, err := f.authority(office)
	if err != nil {
		return err
	}
	officer, err := flags.officer(cmd.Context(), office)
	if err != nil {
		return err
	}
	defer officer.client.Close()
	if record.Kind != cert.KindServer {
		asked, err := cert.ParseRequest(text, record.Kind, office.Settings.Chain, office.Settings.Shard, office.Settings.Organisation)
		if err != nil {
			return wrongUse(err)
		}
		m, err := officer.standing(cmd.Context(), id)
		if err != nil {
			return err
		}
		if !holds(m, asked.Key.ID()) || m.Status != "active" {
			return fmt.Errorf("the ledger has no active member %s with key %s; rotate to it first with librum identity rotate", id, asked.Key.ID().Short())
		}
	}
	after, err := office.Renew(authority, id, text, withdraw, life, time.Now())
	if err == nil && withdraw {
		err = office.Publish(authority, time.Now())
	}
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), struct {
			ID          ledger.ID `json:"id"`
			Certificate string    `json:"certificate"`
			Until       time.Time `json:"until"`
		}{id, office.CertificatePath(id), after.Until})
	}
	say(cmd.OutOrStdout(), "%s renewed until %s, certificate in %s", id, after.Until.Format(time.DateOnly), office.CertificatePath(id))
	return nil
}
