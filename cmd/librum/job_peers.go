package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

func newJobPeersCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "peers ID",
		Short: "Show what each peer of a job contributed, and how often it failed",
		Long: `Sum up over a job's rounds, by the ledger's rows of each round's newest attempt, how
often each peer was asked (selected) and what came of it: its update is in the
average of a final round (committed), was left out (refused), or the round came to
no model (void); it declined; it answered after the round had all that it wanted
(late) or not at all (dropped); the round is at work (pending). Numbers of examples
are the peers' claims.`,
		Example: "  librum job peers 3f0c… --json",
		Args:    oneArgument("the job's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			sums, err := fetchJobPeers(cmd.Context(), c, id)
			if err != nil {
				return answered(err)
			}
			if flags.json {
				return printJSON(cmd.OutOrStdout(), sums)
			}
			t := newTable(cmd.OutOrStdout())
			t.row("PEER", "SELECTED", "COMMITTED", "REFUSED", "VOID", "DECLINED", "LATE", "DROPPED", "PENDING", "EXAMPLES", "BYTES")
			for _, p := range sums.Peers {
				t.row(p.Peer, p.Selected, p.Committed, reasons(p.Refused), p.Void, reasons(p.Declined), p.Late, p.Dropped, p.Pending, p.NumExamples, p.Bytes)
			}
			return t.Flush()
		}),
	}
}

// fetchJobPeers adds up all pages.
func fetchJobPeers(ctx context.Context, c *client.Client, id ledger.Digest) (v1.JobPeers, error) {
	sums := v1.JobPeers{Peers: []v1.JobPeer{}}
	for cursor := ""; ; {
		page, err := c.JobPeers(ctx, id, client.Page{Cursor: cursor, Limit: 1000})
		if err != nil {
			return sums, err
		}
		if sums = client.AddUp(sums, page); page.NextCursor == "" {
			return sums, nil
		}
		cursor = page.NextCursor
	}
}

// reasons shows how often there was each reason.
func reasons(counts map[string]uint64) string {
	if len(counts) == 0 {
		return "0"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[reason], reason))
	}
	return strings.Join(parts, ", ")
}
