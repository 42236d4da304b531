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
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the register",
		Example: "  librum ca list --status pending\n  librum ca list --expiring 30 --json",
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
				if f.json {
					return printJSON(cmd.OutOrStdout(), struct {
						Chain        ledger.Digest `json:"chain"`
						Organisation ledger.ID     `json:"organisation"`
						Until        time.Time     `json:"until"` // of the authority's certificate
						Records      []listed      `json:"records"`
					}{office.Settings.Chain, office.Settings.Organisation, office.Roots[0].NotAfter, rows})
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
	return cmd
}
