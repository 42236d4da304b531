package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// madeKey is what the commands that make keys print.
type madeKey struct {
	localnet.Enrolment

	File string `json:"file"` // the enrolment
}

func newGovNodeKeyCommand() *cobra.Command {
	var dir, organisation string
	var fresh, asJSON bool
	rotate := -1
	cmd := &cobra.Command{
		Use:   "node-key",
		Short: "Make the key and directory of a new node, or a node's next key",
		Long: `Make the key and directory of a new node, or with --rotate another key for a
node. What is proposed to the others is in its enrolment file: ids, public keys
and proofs that their holder has them. librum dev takes the node up when it
starts; a node has all its keys at hand and uses the one in force.`,
		Example: "  librum gov node-key --dir librum-dev --new-organisation\n" +
			"  librum gov node-key --dir librum-dev --organisation 9a41…\n" +
			"  librum gov node-key --dir librum-dev --organisation 9a41… --rotate 2",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var id ledger.ID
			var err error
			if organisation != "" {
				if id, err = ledger.ParseID(organisation); err != nil {
					return wrongUse(fmt.Errorf("--organisation: %w", err))
				}
			}
			if fresh == (organisation != "") || fresh && rotate >= 0 {
				return wrongUse(errors.New("give --organisation, or --new-organisation for a new node"))
			}
			d := localnet.Dir(dir)
			var e *localnet.Enrolment
			index := rotate
			if rotate >= 0 {
				e, err = d.NextKey(rotate, id, rand.Reader)
			} else {
				e, index, err = d.NewNode(id, rand.Reader)
			}
			if err != nil {
				return &exitError{code: exitUnknown, err: err}
			}
			return showMadeKey(cmd.OutOrStdout(), asJSON, e, filepath.Join(d.Node(index), "enrolment.json"))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "librum-dev", "directory of the network")
	flags.StringVar(&organisation, "organisation", "", "id of the organisation that the node is of")
	flags.BoolVar(&fresh, "new-organisation", false, "the first node of a new organisation, which gets an id and an officer's key too")
	flags.IntVar(&rotate, "rotate", -1, "make another key for the node with this number")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object on the last line")
	return cmd
}

func newGovOfficerKeyCommand() *cobra.Command {
	var dir, organisation, output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "officer-key",
		Short:   "Make a new officer's key and enrolment file",
		Example: "  librum gov officer-key --dir librum-dev --organisation 9a41… --output officer-key",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := ledger.ParseID(organisation)
			if err != nil {
				return wrongUse(fmt.Errorf("--organisation: %w", err))
			}
			if output == "" {
				return wrongUse(errors.New("--output: name the file for the key"))
			}
			e, err := localnet.Dir(dir).NewOfficer(id, output, rand.Reader)
			if err != nil {
				return &exitError{code: exitUnknown, err: err}
			}
			return showMadeKey(cmd.OutOrStdout(), asJSON, e, output+".json")
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&dir, "dir", "librum-dev", "directory of the network, for its chain")
	flags.StringVar(&organisation, "organisation", "", "id of the officer's organisation")
	flags.StringVarP(&output, "output", "o", "", "file for the key; the enrolment goes beside it as FILE.json")
	flags.BoolVar(&asJSON, "json", false, "print one JSON object on the last line")
	return cmd
}

func showMadeKey(out io.Writer, asJSON bool, e *localnet.Enrolment, file string) error {
	if asJSON {
		return printJSON(out, madeKey{*e, file})
	}
	t := newTable(out)
	t.row("organisation", e.Organisation)
	if e.Officer != nil {
		t.row("officer", e.Officer.ID)
	}
	if e.Node != nil {
		t.row("node", e.Node.ID)
	}
	t.row("to be proposed", file)
	return t.Flush()
}
