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
	"github.com/librum/librum/internal/durable"
)

type caCertifyOptions struct {
	*caFlags

	genesis string
	kind    string
	output  string
	days    int
}

func newCACertifyCommand(f *caFlags) *cobra.Command {
	o := &caCertifyOptions{caFlags: f}
	cmd := &cobra.Command{
		Use:   "certify REQUEST",
		Short: "Certify a node of the genesis before the network runs",
		Long: `Certify a node that the genesis lists with the key of the request, or with --kind
server a server of TLS, without asking any node: before the network runs there is
none, and its nodes need certificates to meet. The register keeps the record, in
the name of the organisation's officer of the genesis. Later, enroll and approve
are the way.`,
		Example: "  librum identity request --kind node --identity node/key --id 7c1e… --organisation 9a41… --genesis 3f0c… --dns a.example -o node.csr\n" +
			"  librum ca certify node.csr --genesis genesis.cbor --output node.pem",
		Args: oneArgument("the request"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.with(func(office *ca.Office) error { return o.run(cmd, office, args[0]) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.genesis, "genesis", "", "the chain's genesis file")
	flags.StringVar(&o.kind, "kind", string(cert.KindNode), "what the request is for: node or server (of TLS)")
	flags.StringVarP(&o.output, "output", "o", "", "file for the certificate and those above it")
	flags.IntVar(&o.days, "days", 365, "days for which the certificate holds")
	return cmd
}

func (o *caCertifyOptions) run(cmd *cobra.Command, office *ca.Office, path string) error {
	kind := cert.Kind(o.kind)
	if o.days < 1 || o.days > 3650 || o.genesis == "" || o.output == "" || kind != cert.KindNode && kind != cert.KindServer {
		return wrongUse(errors.New("give --genesis and --output; --days is 1 to 3650, --kind node or server"))
	}
	file, err := durable.ReadFile(o.genesis, ledger.MaxGenesisBytes)
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	g, chain, err := ledger.ParseGenesis(file)
	if err != nil {
		return wrongUse(fmt.Errorf("--genesis: %w", err))
	}
	if chain != office.Settings.Chain {
		return wrongUse(fmt.Errorf("--genesis: its digest is %s, the authority is for chain %s", chain, office.Settings.Chain))
	}
	text, err := durable.ReadFile(path, cert.MaxRequestBytes)
	if err != nil {
		return &exitError{code: exitUnknown, err: err}
	}
	request, err := cert.ParseRequest(text, kind, chain, g.Shard, office.Settings.Organisation)
	if err != nil {
		return &exitError{code: exitNo, err: err}
	}
	if kind == cert.KindNode {
		n, ok := g.Group.Find(request.ID)
		if !ok || n.Key != request.Key || n.Organisation != office.Settings.Organisation {
			return &exitError{code: exitNo, err: fmt.Errorf("the genesis lists no node %s of this organisation with this key", request.ID)}
		}
	}
	authority, err := o.authority(office)
	if err != nil {
		return err
	}
	now := time.Now()
	records, err := office.Enrol(cmd.Context(), []ca.Applicant{{Kind: kind, Name: o.kind + " of the genesis", Request: text}}, now, rand.Reader)
	if err != nil {
		return refusedByOffice(err)
	}
	id := records[0].ID
	if _, err := office.Approve(authority, []ca.Approval{{ID: id, Officer: officerOf(g, office.Settings.Organisation)}}, days(o.days), now); err != nil {
		return err
	}
	issued, err := durable.ReadFile(office.CertificatePath(id), cert.MaxFileBytes)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(o.output, issued, 0o644); err != nil {
		return fmt.Errorf("write the certificate: %w", err)
	}
	if o.json {
		return printJSON(cmd.OutOrStdout(), approval{ID: id, Certificate: o.output})
	}
	say(cmd.OutOrStdout(), "%s %s certified for %d days in %s", kind, id, o.days, o.output)
	return nil
}
