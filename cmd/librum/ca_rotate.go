package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
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
their own time. Where the ledger lists the organisation's authorities, the new
certificate is to be listed before it certifies (librum gov propose add-ca).
Nothing that was issued ends. The old key's file stays; move it
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
						Generation  int           `json:"generation"`
						Certificate ledger.Digest `json:"certificate"`
					}{office.Settings.Generation, rootDigest(office)})
				}
				say(cmd.OutOrStdout(), "the authority has key %d now; those who trust it need not hurry to take the new %s", office.Settings.Generation, office.RootsPath())
				say(cmd.OutOrStdout(), "where the ledger lists authorities of this organisation, %s", listingOther.remedy(office))
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
	var life, expiresIn int
	var officer *actorFlags
	cmd := &cobra.Command{
		Use:   "certificate ID",
		Short: "Renew a certificate, for the same key or a new one",
		Long: `Renew a certificate, by a new request. A member or node has changed its key on the
ledger before (librum identity rotate), which is asked. The old certificate
holds until it ends, so that nothing fails meanwhile; with --withdraw it goes
on the list of revoked ones, as after a theft of its key.

A certificate ends no later than its member expires on the ledger. With
--expires-in the officer lets the member act for so many days from now on, on the
ledger, before it is certified; it may have expired.`,
		Example: "  librum ca rotate certificate 7c1e… --request new.pem --officer officer-key\n" +
			"  librum ca rotate certificate 7c1e… --request new.pem --expires-in 365 --officer officer-key",
		Args: oneArgument("the id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			if life < 1 || life > 3650 {
				return wrongUse(errors.New("--days is 1 to 3650"))
			}
			if expiresIn < 0 || expiresIn > 36500 {
				return wrongUse(errors.New("--expires-in is 1 to 36500, 0 to leave the member's expiry as it is"))
			}
			text, err := durable.ReadFile(request, cert.MaxRequestBytes)
			if err != nil {
				return wrongUse(fmt.Errorf("--request: %w", err))
			}
			return f.with(func(office *ca.Office) error {
				return renew(cmd, f, officer, office, ca.Renewal{ID: id, Request: text, Withdraw: withdraw, Life: days(life)}, days(expiresIn))
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&request, "request", "", "file with the new request")
	flags.BoolVar(&withdraw, "withdraw", false, "revoke the old certificate")
	flags.IntVar(&life, "days", 365, "days for which the certificate holds")
	flags.IntVar(&expiresIn, "expires-in", 0, "days from now on after which the member is to expire on the ledger, 0 to leave it as it is")
	officer = addActorFlags(cmd, f.serverFlags, "officer", "the officer who renews")
	return cmd
}

func renew(cmd *cobra.Command, f *caFlags, flags *actorFlags, office *ca.Office, r ca.Renewal, extend time.Duration) error {
	record, err := office.Record(r.ID)
	if err != nil {
		return refusedByOffice(err)
	}
	switch {
	case record.Status != ca.StatusApproved: // before the ledger is changed
		return fmt.Errorf("%w: %s is %s", ca.ErrStatus, r.ID, record.Status)
	case extend > 0 && record.Kind != cert.KindMember:
		return wrongUse(fmt.Errorf("--expires-in: %s is a %s, and members alone expire", r.ID, record.Kind))
	}
	authority, officer, err := f.begin(cmd.Context(), office, flags)
	if err != nil {
		return err
	}
	defer officer.client.Close()
	if err := officer.mayCertify(cmd.Context(), office, cmd.ErrOrStderr()); err != nil {
		return err
	}
	out := renewed{ID: r.ID, Certificate: office.CertificatePath(r.ID)}
	if record.Kind != cert.KindServer {
		if r.Expiry, err = officer.ready(cmd.Context(), office, record, r.Request); err != nil {
			return err
		}
	}
	if extend > 0 {
		r.Expiry = time.Now().Add(extend).Truncate(time.Millisecond).UTC()
		t, err := officer.submit(cmd.Context(), members.MethodRenew, &members.Renew{Member: r.ID, Expiry: r.Expiry.UnixMilli()})
		if err != nil {
			return err
		}
		out.Transaction = t.ID
	}
	if !r.Expiry.IsZero() && !r.Expiry.After(time.Now()) {
		return fmt.Errorf("member %s expired on the ledger at %s; let it act longer with --expires-in", r.ID, r.Expiry.Format(time.RFC3339))
	}
	after, err := office.Renew(authority, r, time.Now())
	if err == nil && r.Withdraw {
		err = office.Publish(authority, time.Now())
	}
	if err != nil {
		return err
	}
	out.Until, out.Expiry = after.Until, after.Expiry
	if f.json {
		return printJSON(cmd.OutOrStdout(), out)
	}
	why := ""
	if !after.Expiry.IsZero() && !after.Until.Before(after.Expiry.Truncate(time.Second)) {
		why = ", when the member expires (--expires-in lets it act longer)"
	}
	say(cmd.OutOrStdout(), "%s renewed until %s%s, certificate in %s", r.ID, after.Until.Format(time.DateOnly), why, out.Certificate)
	return nil
}

// renewed is what the command prints.
type renewed struct {
	ID          ledger.ID     `json:"id"`
	Transaction ledger.Digest `json:"transaction,omitzero"` // that let the member act longer
	Certificate string        `json:"certificate"`
	Until       time.Time     `json:"until"`
	Expiry      time.Time     `json:"expiry,omitzero"` // of the member
}

// ready fails unless the ledger has the member or node, active, with the key of
// the request, and returns when it expires, zero for never.
func (a *actor) ready(ctx context.Context, office *ca.Office, r *ca.Record, request []byte) (time.Time, error) {
	asked, err := cert.ParseRequest(request, r.Kind, office.Settings.Chain, office.Settings.Shard, office.Settings.Organisation)
	if err != nil {
		return time.Time{}, wrongUse(err)
	}
	m, err := a.standing(ctx, r.ID)
	if err != nil {
		return time.Time{}, err
	}
	if !holds(m, asked.Key.ID()) || m.Status != "active" {
		return time.Time{}, fmt.Errorf("the ledger has no active member %s with key %s; rotate to it first with librum identity rotate", r.ID, asked.Key.ID().Short())
	}
	if m.Expiry == 0 {
		return time.Time{}, nil
	}
	return time.UnixMilli(m.Expiry).UTC(), nil
}
