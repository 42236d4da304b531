package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

// proposeFlags say when a proposed change is to hold.
type proposeFlags struct {
	*officerFlags

	at      string
	expires time.Duration
}

// proposable is an action as the command line has it.
type proposable struct {
	use, short, example string
	argument            string                                           // what its one argument is, empty where it has none
	flags               func(cmd *cobra.Command)                         // nil: none of its own
	action              func(argument string) (governance.Action, error) // wrong use where it fails
}

func newGovProposeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "propose",
		Short: "Propose a change that holds from a block on",
		Long: `Propose a change that holds from a block on, as an officer of an organisation;
that is its approval too. It passes once two thirds of the organisations and one
have approved it, and must have passed before that block is made.`,
		Example: "  librum gov propose add-node node-4/enrolment.json --key node-0/officer-key --at +10",
		RunE:    chooseSubcommand,
	}
	f := &proposeFlags{officerFlags: addOfficerFlags(cmd)}
	cmd.PersistentFlags().StringVar(&f.at, "at", "+100", "the first block that the change is to hold for: a height, or +N for N blocks from now")
	cmd.PersistentFlags().DurationVar(&f.expires, "expires", 7*24*time.Hour, "how long approvals count")
	for _, p := range proposables() {
		cmd.AddCommand(f.command(p))
	}
	return cmd
}

func (f *proposeFlags) command(p proposable) *cobra.Command {
	cmd := &cobra.Command{Use: p.use, Short: p.short, Example: "  librum gov propose " + p.example, Args: noArguments}
	if p.argument != "" {
		cmd.Args = oneArgument(p.argument)
	}
	if p.flags != nil {
		p.flags(cmd)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		action, err := p.action(strings.Join(args, ""))
		if err != nil {
			return wrongUse(err)
		}
		return f.submit(cmd, governance.MethodPropose, func(_ *client.Client, g *v1.Governance) (any, error) {
			height, err := f.height(g.Height)
			if err != nil {
				return nil, wrongUse(err)
			}
			if f.expires <= 0 {
				return nil, wrongUse(fmt.Errorf("--expires %s: want a time to come", f.expires))
			}
			return &governance.Propose{Action: action, Height: height, Expiry: max(g.LogTime, time.Now().UnixMilli()) + f.expires.Milliseconds()}, nil
		}, ledger.Digest{})
	}
	return cmd
}

// height reads --at.
func (f *proposeFlags) height(now uint64) (uint64, error) {
	digits, relative := strings.CutPrefix(f.at, "+")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("--at %q: want a height, or +N", f.at)
	}
	if relative {
		n += now
	}
	return n, nil
}

// proposables is the table of actions on the command line.
func proposables() []proposable {
	var name, organisation, officer string
	limits := governance.SetLimits{}
	ttl := time.Duration(0)
	return []proposable{
		{
			"add-organisation FILE", "Take in an organisation, with its first officer", "add-organisation node-4/enrolment.json --name hospital", "its enrolment file",
			func(cmd *cobra.Command) { cmd.Flags().StringVar(&name, "name", "", "name of the organisation") },
			func(path string) (a governance.Action, err error) {
				e, m, err := fromEnrolment(path, "officer", func(e *localnet.Enrolment) *localnet.NewMember { return e.Officer })
				if err != nil {
					return a, err
				}
				if name == "" {
					return a, errors.New("--name: name the organisation")
				}
				a.AddOrganisation = &governance.AddOrganisation{
					Organisation: e.Organisation, Name: name, Officer: m.ID,
					Key: ledger.PublicKey(m.Key), Proof: [ledger.SignatureSize]byte(m.Proof),
				}
				return a, nil
			},
		},
		{
			"remove-organisation ID", "Take an organisation out for ever, with its nodes", "remove-organisation 9a41…", "the organisation's id", nil,
			func(id string) (a governance.Action, err error) {
				a.RemoveOrganisation = &governance.RemoveOrganisation{}
				a.RemoveOrganisation.Organisation, err = ledger.ParseID(id)
				return a, err
			},
		},
		{
			"replace-officer OLD", "Put a new officer in an old one's place", "replace-officer 7c1e… --new officer.json", "the old officer's member id",
			func(cmd *cobra.Command) {
				cmd.Flags().StringVar(&officer, "new", "", "enrolment file of the new officer, by librum gov officer-key")
			},
			func(old string) (a governance.Action, err error) {
				e, m, err := fromEnrolment(officer, "officer", func(e *localnet.Enrolment) *localnet.NewMember { return e.Officer })
				if err != nil {
					return a, err
				}
				a.ReplaceOfficer = &governance.ReplaceOfficer{
					Organisation: e.Organisation, New: m.ID, Key: ledger.PublicKey(m.Key), Proof: [ledger.SignatureSize]byte(m.Proof),
				}
				a.ReplaceOfficer.Old, err = ledger.ParseID(old)
				return a, err
			},
		},
		{
			"add-node FILE", "Take a node into the group", "add-node node-4/enrolment.json", "its enrolment file", nil,
			func(path string) (a governance.Action, err error) {
				e, m, err := fromEnrolment(path, "node", func(e *localnet.Enrolment) *localnet.NewMember { return e.Node })
				if err != nil {
					return a, err
				}
				a.AddNode = &governance.AddNode{
					Node: m.ID, Organisation: e.Organisation, Key: ledger.PublicKey(m.Key), Proof: [ledger.SignatureSize]byte(m.Proof),
				}
				return a, nil
			},
		},
		{
			"remove-node ID", "Take a node out of the group for ever", "remove-node 0f3b…", "the node's id", nil,
			func(id string) (a governance.Action, err error) {
				a.RemoveNode = &governance.RemoveNode{}
				a.RemoveNode.Node, err = ledger.ParseID(id)
				return a, err
			},
		},
		{
			"rotate-node-key FILE", "Give a node another key", "rotate-node-key node-2/enrolment.json", "its enrolment file, by librum gov node-key --rotate", nil,
			func(path string) (a governance.Action, err error) {
				e, m, err := fromEnrolment(path, "node", func(e *localnet.Enrolment) *localnet.NewMember { return e.Node })
				if err != nil {
					return a, err
				}
				a.RotateNodeKey = &governance.RotateNodeKey{
					Node: m.ID, Organisation: e.Organisation, Key: ledger.PublicKey(m.Key), Proof: [ledger.SignatureSize]byte(m.Proof),
				}
				return a, nil
			},
		},
		{
			"lift-suspension ID", "Give a suspended node its voice back", "lift-suspension 0f3b…", "the node's id", nil,
			func(id string) (a governance.Action, err error) {
				a.LiftSuspension = &governance.LiftSuspension{}
				a.LiftSuspension.Node, err = ledger.ParseID(id)
				return a, err
			},
		},
		{
			"add-ca FILE", "Let a CA vouch for an organisation", "add-ca ca.pem --organisation 9a41…", "its certificate in PEM",
			func(cmd *cobra.Command) {
				cmd.Flags().StringVar(&organisation, "organisation", "", "id of the organisation")
			},
			func(path string) (a governance.Action, err error) {
				if a.AddCA, err = readCA(path); err == nil {
					a.AddCA.Organisation, err = ledger.ParseID(organisation)
				}
				return a, err
			},
		},
		{
			"remove-ca DIGEST", "Take a CA's right to vouch", "remove-ca 5c0d…", "the SHA-256 of its certificate", nil,
			func(digest string) (a governance.Action, err error) {
				a.RemoveCA = &governance.RemoveCA{}
				a.RemoveCA.Certificate, err = ledger.ParseDigest(digest)
				return a, err
			},
		},
		{
			"set-limits", "Change what blocks and transactions may hold", "set-limits --block-transactions 20000 --block-bytes 8388608 --max-ttl 10m", "",
			func(cmd *cobra.Command) {
				d := ledger.DefaultLimits()
				cmd.Flags().Uint32Var(&limits.BlockTransactions, "block-transactions", d.BlockTransactions, "a block is cut after the record that reaches it")
				cmd.Flags().Uint32Var(&limits.BlockBytes, "block-bytes", d.BlockBytes, "the same for bytes")
				cmd.Flags().DurationVar(&ttl, "max-ttl", time.Duration(d.MaxTTL)*time.Millisecond, "how far ahead an expiry may lie")
			},
			func(string) (governance.Action, error) {
				limits.MaxTTL = ttl.Milliseconds()
				return governance.Action{SetLimits: &limits}, nil
			},
		},
		{
			"set-protocol VERSION", "Activate the next rule set", "set-protocol 2", "the version", nil,
			func(version string) (a governance.Action, err error) {
				a.SetProtocol = &governance.SetProtocol{}
				a.SetProtocol.Version, err = strconv.ParseUint(version, 10, 63)
				return a, err
			},
		},
	}
}

// fromEnrolment reads an enrolment file and the member that it must name.
func fromEnrolment(path, what string, of func(*localnet.Enrolment) *localnet.NewMember) (*localnet.Enrolment, *localnet.NewMember, error) {
	if path == "" {
		return nil, nil, fmt.Errorf("name the enrolment file of the %s", what)
	}
	e, err := localnet.LoadEnrolment(path)
	if err != nil {
		return nil, nil, err
	}
	m := of(e)
	if m == nil {
		return nil, nil, fmt.Errorf("%s enrols no %s", path, what)
	}
	return e, m, nil
}

// readCA reads a certificate whose key is Ed25519.
func readCA(path string) (*governance.AddCA, error) {
	b, err := durable.ReadFile(path, 64<<10)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	key, ok := certificate.PublicKey.(ed25519.PublicKey)
	if !ok || !certificate.IsCA {
		return nil, fmt.Errorf("%s is not the certificate of a CA with an Ed25519 key", path)
	}
	return &governance.AddCA{
		Certificate: ledger.Hash(block.Bytes), Key: ledger.PublicKey(key),
		From: certificate.NotBefore.UnixMilli(), Until: certificate.NotAfter.UnixMilli(),
	}, nil
}
