package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

func newIdentityRenewCommand(server *serverFlags, genesis *string) *cobra.Command {
	var officer *actorFlags
	var until string
	cmd := &cobra.Command{
		Use:   "renew ID",
		Short: "Let a member act longer, as an officer of its organisation",
		Long: `Set when a member expires on the ledger, later than before. It may have expired
already. A certificate ends no later than its member, so renew that afterwards:
librum ca rotate certificate, which also renews the member with --expires-in.`,
		Example: "  librum identity renew 9a41… --expiry 2027-12-31 --genesis 3f0c… --officer officer-key\n" +
			"  librum identity renew 9a41… --expiry 2027-12-31T18:00:00+01:00 --genesis 3f0c… --officer officer-key",
		Args: oneArgument("the member's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			anchor, err := anchorOf(*genesis)
			if err != nil {
				return err
			}
			expiry, err := parseExpiry(until, time.Now())
			if err != nil {
				return wrongUse(fmt.Errorf("--expiry: %w", err))
			}
			a, err := officer.act(cmd.Context(), anchor)
			if err != nil {
				return err
			}
			defer a.client.Close()
			t, err := a.submit(cmd.Context(), members.MethodRenew, &members.Renew{Member: id, Expiry: expiry.UnixMilli()})
			if err != nil {
				return err
			}
			return done(cmd, server.json, fmt.Sprintf("%s: expires %s", id, expiry.UTC().Format(time.RFC3339)), &t)
		},
	}
	cmd.Flags().StringVar(&until, "expiry", "", "when the member is to expire: a day, to whose end (UTC) it acts, or a time in the form of RFC 3339")
	officer = addActorFlags(cmd, server, "officer", "the officer of the member's organisation")
	return cmd
}

// parseExpiry reads a time to come.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, errors.New("say when the member is to expire, as 2027-12-31")
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if at, err = time.Parse(time.DateOnly, text); err != nil {
			return time.Time{}, fmt.Errorf("%.40q is neither a day as 2027-12-31 nor a time in the form of RFC 3339", text)
		}
		at = at.AddDate(0, 0, 1).Add(-time.Millisecond)
	}
	if !at.After(now) {
		return time.Time{}, fmt.Errorf("%s has passed", text)
	}
	return at, nil
}
