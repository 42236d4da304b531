package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/ledger"
)

func newCAEvidenceCommand(f *caFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "evidence",
		Short:   "Read or erase what a member was known by",
		Example: "  librum ca evidence export 7c1e… --output DIR\n  librum ca evidence erase 7c1e…",
		RunE:    chooseSubcommand,
	}
	var output string
	export := &cobra.Command{
		Use:     "export ID",
		Short:   "Decrypt the evidence into a new folder, and check it against its digests",
		Example: "  librum ca evidence export 7c1e… --output evidence",
		Args:    oneArgument("the member's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			if output == "" {
				return wrongUse(errors.New("--output: name a folder that is not there yet"))
			}
			return f.with(func(office *ca.Office) error {
				documents, err := office.Evidence(id, f.passphrase.ask)
				if err != nil {
					return refusedByOffice(err)
				}
				if err := writeDocuments(output, documents); err != nil {
					return err
				}
				if f.json {
					return printJSON(cmd.OutOrStdout(), struct {
						Documents int `json:"documents"`
					}{len(documents)})
				}
				say(cmd.OutOrStdout(), "%d documents in %s; delete them when you have read them", len(documents), output)
				return nil
			})
		},
	}
	export.Flags().StringVar(&output, "output", "", "folder for the documents, in the clear")
	erase := &cobra.Command{
		Use:   "erase ID",
		Short: "Delete evidence, its salts and the member's name for ever",
		Long: `Delete the evidence of a member for ever, with its salts and the name in the
register. The digests on the ledger stay and can't be tied to a document any
more. Copies that you made elsewhere are yours to delete.`,
		Example: "  librum ca evidence erase 7c1e…",
		Args:    oneArgument("the member's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseID(args[0])
			if err != nil {
				return wrongUse(err)
			}
			return f.with(func(office *ca.Office) error {
				if err := office.Erase(id, time.Now()); err != nil {
					return refusedByOffice(err)
				}
				if f.json {
					return printJSON(cmd.OutOrStdout(), struct {
						Erased ledger.ID `json:"erased"`
					}{id})
				}
				say(cmd.OutOrStdout(), "the evidence of %s is erased", id)
				return nil
			})
		},
	}
	cmd.AddCommand(export, erase)
	return cmd
}

// writeDocuments writes into a new folder, which nothing leads out of.
func writeDocuments(folder string, documents []ca.Document) (err error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for i, d := range documents {
		name := strconv.Itoa(i) + "-" + d.Name // two may have one name
		if err := root.WriteFile(name, d.Content, 0o600); err != nil {
			return fmt.Errorf("write %q: %w", name, err)
		}
	}
	return nil
}
