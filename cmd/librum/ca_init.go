package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

func newCAInitCommand(f *caFlags) *cobra.Command {
	var genesis, organisation, keyURI string
	var dns, networks []string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the authority of an organisation",
		Long: `Make the authority of an organisation: its key, its certificate for this chain,
the key to which evidence is encrypted, and an empty register. The certificate
vouches for the DNS names and networks given and for no others; without any,
for localhost and loopback alone. Give ca.pem to whoever is to trust it.`,
		Example: "  librum ca init --dir librum-ca --genesis genesis.cbor --organisation organisation-0 --dns example.org --network 10.1.0.0/16\n" +
			"  librum ca init --genesis genesis.cbor --organisation 7c1e… --key 'pkcs11:token=librum;object=ca?module-path=/usr/lib/softhsm/libsofthsm2.so'",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := organisationOf(genesis, organisation)
			if err != nil {
				return wrongUse(err)
			}
			settings.DNS, settings.Networks = dns, networks
			secrets := ca.Secrets{KeyURI: keyURI, Ask: f.passphrase.ask}
			if keyURI == "" { // else what is asked for is the PIN of a token
				if secrets.Passphrase, err = f.passphrase.choose("passphrase of the authority's keys"); err != nil {
					return wrongUse(err)
				}
			}
			if err := ca.Init(f.dir, settings, secrets, time.Now(), rand.Reader); err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), struct {
					Dir          string        `json:"dir"`
					Chain        ledger.Digest `json:"chain"`
					Organisation ledger.ID     `json:"organisation"`
				}{f.dir, settings.Chain, settings.Organisation})
			}
			say(cmd.OutOrStdout(), "authority of organisation %s on chain %s in %s", settings.Organisation, settings.Chain.Short(), f.dir)
			switch {
			case keyURI != "":
				say(cmd.ErrOrStderr(), "evidence-key is not encrypted: whoever reads the directory reads the evidence; keep it on an encrypted disk")
			case secrets.Passphrase == "":
				say(cmd.ErrOrStderr(), "its keys are not encrypted: whoever reads the directory has them (--ca-passphrase-file)")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&genesis, "genesis", "", "the chain's genesis file")
	flags.StringVar(&organisation, "organisation", "", "id or name of the organisation in the genesis")
	flags.StringVar(&keyURI, "key", "", "pkcs11: URI of a token's key that is to be the authority's (default a new key in a file)")
	flags.StringSliceVar(&dns, "dns", nil, "domains that its certificates may name, with all below")
	flags.StringSliceVar(&networks, "network", nil, "networks whose addresses its certificates may name, as CIDR")
	return cmd
}

// organisationOf finds the organisation in a genesis file.
func organisationOf(path, organisation string) (ca.Settings, error) {
	if path == "" || organisation == "" {
		return ca.Settings{}, errors.New("give --genesis and --organisation")
	}
	b, err := durable.ReadFile(path, ledger.MaxGenesisBytes)
	if err != nil {
		return ca.Settings{}, fmt.Errorf("--genesis: %w", err)
	}
	g, chain, err := ledger.ParseGenesis(b)
	if err != nil {
		return ca.Settings{}, fmt.Errorf("--genesis: %s: %w", path, err)
	}
	s := ca.Settings{Chain: chain, Shard: g.Shard}
	for _, o := range g.Organisations {
		if o.Name == organisation || o.ID.String() == organisation {
			s.Organisation = o.ID
			return s, nil
		}
	}
	if s.Organisation, err = ledger.ParseID(organisation); err != nil { // governance may have added it since
		return s, fmt.Errorf("--organisation: %q is no organisation of the genesis and no id", organisation)
	}
	return s, nil
}
