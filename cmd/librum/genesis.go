package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/founding"
	"github.com/librum/librum/internal/durable"
)

func newGenesisCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "genesis",
		Short: "Begin a network of several organisations, none of which shows a key",
		Long: `Begin a network: each organisation makes its part and gives part.json to the
others; each makes the genesis of all parts by itself, with the same name and
time, and compares the digest with the others. Keys stay where they were made.`,
		Example: "  librum genesis part --dir node --organisation clinic-a --member officer=officer --member erika=member,operator\n" +
			"  librum genesis create --name trial --time 2026-12-01T00:00:00Z --output genesis.cbor a.json b.json c.json d.json\n" +
			"  librum genesis show genesis.cbor --part node/part.json",
		Args: cobra.ArbitraryArgs,
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(newGenesisPartCommand(), newGenesisCreateCommand(), newGenesisShowCommand())
	return cmd
}

func newGenesisPartCommand() *cobra.Command {
	var dir, organisation string
	var members []string
	var asJSON bool
	var passphrase *passphraseFlag
	cmd := &cobra.Command{
		Use:   "part",
		Short: "Make the keys of an organisation's node and first members, and the part that the others see",
		Long: `Make the keys of an organisation's node and first members in DIR, and DIR/part.json,
which holds ids, public keys and proofs and may be shown to anybody. An officer
enrols further members later, so one is needed from the start.`,
		Example: "  librum genesis part --dir node --organisation clinic-a \\\n" +
			"    --member officer=officer --member erika=member,operator,auditor --member peer=peer",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			seats, err := parseSeats(members)
			if err != nil {
				return wrongUse(err)
			}
			if dir == "" || organisation == "" {
				return wrongUse(errors.New("give --dir and --organisation"))
			}
			secret, err := passphrase.choose("passphrase of the new keys")
			if err != nil {
				return wrongUse(err)
			}
			p, err := founding.NewPart(fullnode.Dir(dir), organisation, seats, secret, rand.Reader)
			if err != nil {
				return &exitError{code: exitUnknown, err: err}
			}
			if secret == "" {
				say(cmd.ErrOrStderr(), "the keys are not encrypted: whoever reads the directory has them (--passphrase-file)")
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), p)
			}
			return showPart(cmd.OutOrStdout(), p, fullnode.Dir(dir))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "", "the node's directory to be")
	flags.StringVar(&organisation, "organisation", "", "name of the organisation")
	flags.StringArrayVar(&members, "member", nil, "NAME=ROLE,… of a member from the start, of "+strings.Join(founding.Roles(), ", "))
	flags.BoolVar(&asJSON, "json", false, "print one JSON object on the last line")
	passphrase = addPassphraseFlag(flags, "passphrase-file", "the new keys")
	return cmd
}

func parseSeats(members []string) ([]founding.Seat, error) {
	seats := make([]founding.Seat, 0, len(members))
	for _, m := range members {
		name, roles, ok := strings.Cut(m, "=")
		if !ok || roles == "" {
			return nil, fmt.Errorf("--member %.80q: want NAME=ROLE,…", m)
		}
		seats = append(seats, founding.Seat{Name: name, Roles: strings.Split(roles, ",")})
	}
	return seats, nil
}

func showPart(out io.Writer, p *founding.Part, dir fullnode.Dir) error {
	t := newTable(out)
	t.row("organisation", p.Organisation, p.Name)
	t.row("node", p.Node.ID, dir.Key())
	for _, m := range p.Members {
		t.row(strings.Join(m.Roles, ","), m.ID, founding.KeyPath(dir, m.Name))
	}
	t.row("for the others", founding.PartPath(dir), "")
	return t.Flush()
}

// genesisResult is what create and show print.
type genesisResult struct {
	Digest        ledger.Digest `json:"digest"`
	Name          string        `json:"name"`
	Time          time.Time     `json:"time"`
	Organisations int           `json:"organisations"`
	Nodes         int           `json:"nodes"`
	Members       int           `json:"members"`
}

func newGenesisCreateCommand() *cobra.Command {
	var name, at, output string
	var holders map[string]string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create PART…",
		Short: "Make the genesis of the parts of all organisations",
		Long: `Make the genesis of the parts of all organisations. The same parts, name, time and
holders give the same digest, so everybody makes it by himself and compares.`,
		Example: "  librum genesis create --name trial --time 2026-12-01T00:00:00Z --output genesis.cbor a.json b.json c.json d.json\n" +
			"  librum genesis create --name trial --holder circulating=7c1e… --output genesis.cbor *.json",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" || output == "" || len(args) == 0 {
				return wrongUse(errors.New("give --name, --output and the organisations' parts"))
			}
			when := time.Now()
			if at != "" {
				var err error
				if when, err = time.Parse(time.RFC3339, at); err != nil {
					return wrongUse(fmt.Errorf("--time: %w", err))
				}
			}
			accounts := map[string]ledger.ID{}
			for purpose, holder := range holders {
				id, err := ledger.ParseID(holder)
				if err != nil {
					return wrongUse(fmt.Errorf("--holder %s: %w", purpose, err))
				}
				accounts[purpose] = id
			}
			var parts []*founding.Part
			for _, path := range args {
				p, err := founding.LoadPart(path)
				if err != nil {
					return &exitError{code: exitUnknown, err: err}
				}
				parts = append(parts, p)
			}
			g, err := founding.Genesis(name, when, parts, accounts)
			if err != nil {
				return wrongUse(err)
			}
			b, err := ledger.Encode(g)
			if err != nil {
				return err
			}
			if err := absent(output); err != nil {
				return wrongUse(fmt.Errorf("--output: %w", err))
			}
			if err := durable.WriteFile(output, b, 0o644); err != nil {
				return fmt.Errorf("write the genesis: %w", err)
			}
			return showGenesis(cmd.OutOrStdout(), asJSON, g, ledger.Hash(b))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "name of the chain, for people")
	flags.StringVar(&at, "time", "", "first time of the chain, as 2026-12-01T00:00:00Z (default now; name it where several make the file)")
	flags.StringVarP(&output, "output", "o", "", "file for the genesis, which must not exist")
	flags.StringToStringVar(&holders, "holder", nil,
		"PURPOSE=ID: the account that gets a share of the native token; without one nobody can move it")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object on the last line")
	return cmd
}

func newGenesisShowCommand() *cobra.Command {
	var digest string
	var parts []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print the digest of a genesis and who is in it, and compare",
		Long: `Print the digest of a genesis and who is in it. With --digest and --part it
compares: exit 1 where the digest is another, or an organisation is not in it
with the very keys and members of its part.`,
		Example: "  librum genesis show genesis.cbor --digest 3f0c… --part node/part.json",
		Args:    oneArgument("the genesis file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := durable.ReadFile(args[0], ledger.MaxGenesisBytes)
			if err != nil {
				return &exitError{code: exitUnknown, err: err}
			}
			g, have, err := ledger.ParseGenesis(b)
			if err != nil {
				return &exitError{code: exitNo, err: fmt.Errorf("read %s: %w", args[0], err)}
			}
			if digest != "" {
				want, err := ledger.ParseDigest(digest)
				if err != nil {
					return wrongUse(fmt.Errorf("--digest: %w", err))
				}
				if want != have {
					return &exitError{code: exitNo, err: fmt.Errorf("the digest of %s is %s, not %s", args[0], have, want)}
				}
			}
			for _, path := range parts {
				p, err := founding.LoadPart(path)
				if err != nil {
					return &exitError{code: exitUnknown, err: err}
				}
				if err := founding.Includes(g, p); err != nil {
					return &exitError{code: exitNo, err: fmt.Errorf("%s: %w", path, err)}
				}
			}
			return showGenesis(cmd.OutOrStdout(), asJSON, g, have)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&digest, "digest", "", "the digest that it must have")
	flags.StringArrayVar(&parts, "part", nil, "a part that it must hold, such as one's own")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object on the last line")
	return cmd
}

func showGenesis(out io.Writer, asJSON bool, g *ledger.Genesis, digest ledger.Digest) error {
	if asJSON {
		return printJSON(out, genesisResult{
			Digest: digest, Name: g.Name, Time: time.UnixMilli(g.Time).UTC(),
			Organisations: len(g.Organisations), Nodes: len(g.Group.Nodes), Members: len(g.Members),
		})
	}
	t := newTable(out)
	t.row("genesis", digest, g.Name)
	t.row("time", logTime(g.Time), "")
	for _, o := range g.Organisations {
		t.row("organisation", o.ID, o.Name)
	}
	for _, n := range g.Group.Nodes {
		t.row("node", n.Node, "of "+n.Organisation.Short())
	}
	for _, m := range g.Members {
		t.row(strings.Join(m.Roles, ","), m.ID, "of "+m.Organisation.Short())
	}
	return t.Flush()
}
