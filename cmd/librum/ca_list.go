package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
)

// listed is a line of what the command prints: what the register knows, but for
// request and evidence.
type listed struct {
	ID       ledger.ID     `json:"id"`
	Kind     cert.Kind     `json:"kind"`
	Name     string        `json:"name,omitempty"`
	Status   ca.Status     `json:"status"`
	Roles    []string      `json:"roles,omitempty"`
	Key      string        `json:"key"`
	Evidence []ca.Evidence `json:"evidence,omitempty"`
	Officer  ledger.ID     `json:"officer,omitzero"`
	Until    time.Time     `json:"until,omitzero"`
	Erased   time.Time     `json:"erased,omitzero"`
}

func newCAListCommand(f *caFlags) *cobra.Command {
	var status string
	var expiring int
	var officer *actorFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the register",
		Long: `List the register. With --officer the ledger is asked too, by that key, whether
it lists the authority as one that may vouch for the organisation.`,
		Example: "  librum ca list --status pending\n  librum ca list --expiring 30 --json\n  librum ca list --officer officer-key",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.with(func(office *ca.Office) error {
				rows := []listed{}
				for _, r := range office.Records() {
					if status != "" && string(r.Status) != status || expiring > 0 && (r.Status != ca.StatusApproved || time.Until(r.Until) > days(expiring)) {
						continue
					}
					rows = append(rows, listed{
						ID: r.ID, Kind: r.Kind, Name: r.Name, Status: r.Status, Roles: r.Roles, Key: r.Key.String(),
						Evidence: r.Evidence, Officer: r.Officer, Until: r.Until, Erased: r.Erased,
					})
				}
				var standing listing
				if officer.identity != "" {
					var err error
					if standing, err = officer.asks(cmd.Context(), office); err != nil {
						return err
					}
				}
				if f.json {
					return printJSON(cmd.OutOrStdout(), struct {
						Chain        ledger.Digest `json:"chain"`
						Organisation ledger.ID     `json:"organisation"`
						Certificate  ledger.Digest `json:"certificate"` // the authority's own: SHA-256 of its DER
						Until        time.Time     `json:"until"`       // of that certificate
						Listing      listing       `json:"listing,omitempty"`
						Records      []listed      `json:"records"`
					}{office.Settings.Chain, office.Settings.Organisation, rootDigest(office), office.Roots[0].NotAfter, standing, rows})
				}
				switch standing {
				case "":
				case listingYes:
					say(cmd.OutOrStdout(), "authority %s: %s", rootDigest(office), standing)
				default:
					say(cmd.OutOrStdout(), "authority %s: %s; %s", rootDigest(office), standing, standing.remedy(office))
				}
				t := newTable(cmd.OutOrStdout())
				t.row("ID", "KIND", "STATUS", "UNTIL", "NAME")
				for _, r := range rows {
					until := ""
					if !r.Until.IsZero() {
						until = r.Until.Format(time.DateOnly)
					}
					t.row(r.ID, r.Kind, r.Status, until, r.Name)
				}
				return t.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "only those that are pending, approved or revoked")
	cmd.Flags().IntVar(&expiring, "expiring", 0, "only certificates that end within so many days")
	officer = addActorFlags(cmd, f.serverFlags, "officer", "an officer, to ask the ledger whether it lists the authority")
	return cmd
}
