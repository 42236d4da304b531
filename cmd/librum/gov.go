package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

func newGovCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "gov",
		Short: "Change together who is in, who signs and under which rules",
		Example: "  librum gov status\n" +
			"  librum gov propose add-node node-4/enrolment.json --key node-0/officer-key --at +10\n" +
			"  librum gov approve 5c0d… --key node-1/officer-key\n" +
			"  librum gov list --state open",
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(
		newGovStatusCommand(), newGovProposeCommand(), newGovApproveCommand(), newGovWithdrawCommand(),
		newGovListCommand(), newGovShowCommand(), newGovNodeKeyCommand(), newGovOfficerKeyCommand(),
	)
	return cmd
}

func newGovStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show organisations, group, limits and rules in force",
		Example: "  librum gov status --json",
		Args:    noArguments,
	}
	flags := addServerFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := flags.open()
		if err != nil {
			return err
		}
		g, err := c.Governance(cmd.Context())
		if err != nil {
			return answered(err)
		}
		if flags.json {
			return printJSON(cmd.OutOrStdout(), g)
		}
		return showGovernance(newTable(cmd.OutOrStdout()), &g)
	}
	return cmd
}

func showGovernance(t table, g *v1.Governance) error {
	t.row("block being made", g.Height)
	t.row("protocol version", g.Protocol)
	t.row("limits", fmt.Sprintf("%d transactions or %d bytes a block, expiry at most %d ms ahead", g.Limits.BlockTransactions, g.Limits.BlockBytes, g.Limits.MaxTTL))
	t.row("a proposal takes", fmt.Sprintf("%d of %d organisations", g.Quorum, len(g.Organisations)))
	for _, o := range g.Organisations {
		t.row("organisation", o.ID.String()+" "+o.Name)
	}
	t.row("group", fmt.Sprintf("epoch %d, %d nodes, quorum %d", g.Epoch, len(g.Nodes), ledger.Quorum(len(g.Nodes))))
	for _, n := range g.Nodes {
		suspended := ""
		if slices.Contains(g.Suspended, n.Node) {
			suspended = ", suspended"
		}
		t.row("node", fmt.Sprintf("%s of %s%s", n.Node, n.Organisation, suspended))
	}
	for _, ca := range g.CAs {
		t.row("CA", fmt.Sprintf("%s of %s, until %s", ca.Certificate, ca.Organisation, logTime(ca.Until)))
	}
	return t.Flush()
}

func newGovListCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List proposals, the newest first",
		Example: "  librum gov list --state open",
		Args:    noArguments,
	}
	flags := addServerFlags(cmd)
	cmd.Flags().StringVar(&state, "state", "", "only those that are open, passed, active, failed, withdrawn or expired")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := flags.open()
		if err != nil {
			return err
		}
		all := v1.Proposals{Proposals: []v1.Proposal{}}
		for page := (client.Page{Limit: 100}); ; {
			list, err := c.Proposals(cmd.Context(), state, page)
			if err != nil {
				return answered(err)
			}
			all.Proposals = append(all.Proposals, list.Proposals...)
			if page.Cursor = list.NextCursor; page.Cursor == "" {
				break
			}
		}
		slices.SortStableFunc(all.Proposals, func(a, b v1.Proposal) int { return int(b.Created - a.Created) })
		if flags.json {
			return printJSON(cmd.OutOrStdout(), all)
		}
		t := newTable(cmd.OutOrStdout())
		t.row("PROPOSAL", "STATE", "ACTION", "HEIGHT", "APPROVALS")
		for i := range all.Proposals {
			p := &all.Proposals[i]
			t.row(p.ID, p.State, p.Kind, p.Height, fmt.Sprintf("%d of %d", counting(p.Approvals), p.Quorum))
		}
		return t.Flush()
	}
	return cmd
}

// counting returns how many approvals count now.
func counting(list []v1.Approval) (n int) {
	for _, a := range list {
		if a.Counts {
			n++
		}
	}
	return n
}

func newGovShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show a proposal and who approved it",
		Example: "  librum gov show 5c0d…",
		Args:    oneArgument("the proposal's id"),
	}
	flags := addServerFlags(cmd)
	cmd.RunE = withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
		p, err := c.Proposal(cmd.Context(), id)
		if err != nil {
			return answered(err)
		}
		return showProposal(cmd.OutOrStdout(), flags.json, &p)
	})
	return cmd
}

func showProposal(out io.Writer, asJSON bool, p *v1.Proposal) error {
	if asJSON {
		return printJSON(out, p)
	}
	t := newTable(out)
	t.row("proposal", p.ID)
	t.row("state", p.State)
	if p.Failure != "" {
		t.row("failure", p.Failure)
	}
	t.row("action", string(p.Action))
	t.row("from block", p.Height)
	t.row("approvals until", logTime(p.Expiry))
	t.row("approvals", fmt.Sprintf("%d, it takes %d", counting(p.Approvals), p.Quorum))
	list := func(what string, words []v1.Approval) {
		for _, a := range words {
			void := ""
			if !a.Counts {
				void = ", which counts no more"
			}
			t.row(what, fmt.Sprintf("organisation %s, officer %s, %s%s", a.Organisation, a.Officer, logTime(a.Time), void))
		}
	}
	list("approved by", p.Approvals)
	if len(p.Withdrawals) > 0 {
		t.row("withdrawals", fmt.Sprintf("%d, it takes %d", counting(p.Withdrawals), p.Quorum))
		list("wanted back by", p.Withdrawals)
	}
	return t.Flush()
}

// officerFlags are those of commands that an officer signs.
type officerFlags struct {
	*serverFlags

	key        string
	passphrase *passphraseFlag
	member     string
	genesis    string
}

func addOfficerFlags(cmd *cobra.Command) *officerFlags {
	f := &officerFlags{serverFlags: addServerFlags(cmd)}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.key, "key", "", "file with the officer's private key, or pkcs11: URI of a token's; it signs here and is sent nowhere")
	f.passphrase = addPassphraseFlag(flags, "key-passphrase-file", "the officer's key")
	flags.StringVar(&f.member, "member", "", "the officer's member id (default: whose the node says the key is)")
	flags.StringVar(&f.genesis, "genesis", "", "SHA-256 of the genesis file; another chain is refused")
	return f
}

// submit signs a call of the contract governance here, and shows the proposal
// once it is executed. Without an id the proposal is what the call made.
func (f *officerFlags) submit(cmd *cobra.Command, method string, args func(*client.Client, *v1.Governance) (any, error), id ledger.Digest) error {
	if f.key == "" {
		return wrongUse(errors.New("--key: name the file with the officer's key"))
	}
	key, err := keyfile.Load(f.key, f.passphrase.ask)
	if err != nil {
		return wrongUse(fmt.Errorf("--key: %w", err))
	}
	c, err := f.open()
	if err != nil {
		return err
	}
	defer c.Close()
	caller, err := f.caller(cmd.Context(), c, key)
	if err != nil {
		return err
	}
	g, err := c.Governance(cmd.Context())
	if err != nil {
		return answered(err)
	}
	call, err := args(c, &g)
	if err != nil {
		return err
	}
	t, err := submitCall(cmd.Context(), c, caller, governance.Name, method, call)
	if err != nil {
		return answered(err)
	}
	if id.IsZero() {
		id = t.ID
	}
	p, err := c.Proposal(cmd.Context(), id)
	if err != nil {
		return answered(err)
	}
	return showProposal(cmd.OutOrStdout(), f.json, &p)
}

// caller finds out for which chain and member the key signs.
func (f *officerFlags) caller(ctx context.Context, c *client.Client, key *identity.Key) (*identity.Caller, error) {
	status, err := c.Status(ctx)
	if err != nil {
		return nil, answered(err)
	}
	if f.genesis != "" {
		want, err := ledger.ParseDigest(f.genesis)
		if err != nil {
			return nil, wrongUse(fmt.Errorf("--genesis: %w", err))
		}
		if want != status.Chain {
			return nil, &exitError{code: exitNo, err: fmt.Errorf("the server's chain is %s, --genesis says %s", status.Chain, want)}
		}
	}
	caller := &identity.Caller{Chain: status.Chain, Shard: status.Shard, Key: key, Random: rand.Reader}
	if f.member != "" {
		if caller.Sender, err = ledger.ParseID(f.member); err != nil {
			return nil, wrongUse(fmt.Errorf("--member: %w", err))
		}
		return caller, nil
	}
	owner, err := c.KeyOwner(ctx, key.ID())
	if client.IsCode(err, "not_found") {
		return nil, &exitError{code: exitNo, err: fmt.Errorf("--key: %s is nobody's key on this chain", key.ID())}
	}
	if err != nil {
		return nil, answered(err)
	}
	caller.Sender = owner.Member
	return caller, nil
}

func newGovApproveCommand() *cobra.Command {
	return newGovDecideCommand("approve", "Approve a proposal for one's organisation", governance.MethodApprove)
}

func newGovWithdrawCommand() *cobra.Command {
	return newGovDecideCommand("withdraw", "Take back what one's organisation proposed, or have what has passed taken back by a quorum", governance.MethodWithdraw)
}

func newGovDecideCommand(name, short, method string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     name + " ID",
		Short:   short,
		Long:    short + ". Look at it first: librum gov show ID.",
		Example: "  librum gov " + name + " 5c0d… --key node-1/officer-key",
		Args:    oneArgument("the proposal's id"),
	}
	flags := addOfficerFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := ledger.ParseDigest(args[0])
		if err != nil {
			return wrongUse(err)
		}
		return flags.submit(cmd, method, func(*client.Client, *v1.Governance) (any, error) {
			return &governance.Approve{Proposal: id}, nil
		}, id)
	}
	return cmd
}
