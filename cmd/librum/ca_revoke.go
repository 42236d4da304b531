package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func newCARevokeCommand(f *caFlags) *cobra.Command {
	var reason string
	var officer *actorFlags
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a member on the ledger, or a certificate, for ever",
		Long: `End a member, node or server for ever. A member is revoked on the ledger first, by
the officer's key, so that it can't transact from the next transaction on; then
its certificate goes on the list of revoked ones (crl.pem), which is written
anew. A pending request is turned down. To stop a member for a while, see
librum identity freeze.`,
		Example: "  librum ca revoke 7c1e… --officer officer-key --reason 'left the company'",
		Args:    oneArgument("the id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			return f.with(func(office *ca.Office) error { return revoke(cmd, f, officer, office, id, reason) })
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; stays in the register")
	officer = addActorFlags(cmd, f.serverFlags, "officer", "the officer who revokes")
	return cmd
}

func revoke(cmd *cobra.Command, f *caFlags, flags *actorFlags, office *ca.Office, id ledger.ID, reason string) error {
	record, err := office.Record(id)
	if err != nil {
		return refusedByOffice(err)
	}
	authority, officer, err := f.begin(cmd.Context(), office, flags)
	if err != nil {
		return err
	}
	defer officer.client.Close()
	out := struct {
		ID          ledger.ID     `json:"id"`
		Transaction ledger.Digest `json:"transaction,omitzero"`
	}{ID: id}
	if record.Kind == cert.KindMember && record.Status == ca.StatusApproved {
		m, err := officer.standing(cmd.Context(), id)
		if err != nil {
			return err
		}
		if m == nil {
			return &exitError{code: exitUnknown, err: fmt.Errorf("the ledger knows no member %s", id)}
		}
		if m.Status != string(identity.StatusRevoked) { // else an earlier command was broken off here
			t, err := officer.submit(cmd.Context(), members.MethodRevoke, &members.Change{Member: id})
			if err != nil {
				return err
			}
			out.Transaction = t.ID
		}
	}
	if _, err := office.Revoke(authority, id, reason, time.Now()); err != nil {
		if errors.Is(err, ca.ErrStatus) {
			// Revoked before; the list may have been left behind.
			err = errors.Join(err, office.Publish(authority, time.Now()))
		}
		return err
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), out)
	}
	say(cmd.OutOrStdout(), "%s is revoked", id)
	return nil
}
