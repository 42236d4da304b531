package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/indexer"
	"github.com/librum/librum/search/sqlite"
)

// benchSearch measures an index: writing, questions, and how far it is behind.
type benchSearch struct {
	transactions int
	questions    int
	rate         int
	seconds      int
	server       string // of Elasticsearch
	dir          string
	json         bool
}

func newBenchSearchCommand() *cobra.Command {
	b := &benchSearch{}
	cmd := &cobra.Command{
		Use:   "search",
		Short: "Measure writing to an index, asking it, and how far it is behind",
		Long: `Write the documents of so many transfers to an index (a transaction, an event and
two accounts each), ask it fixed questions, and follow a node that takes transfers
at a fixed rate. The index is SQLite, or an Elasticsearch that is named.

Beside each figure stands a bound of the same run, taken by turns: the same
documents written barely (rows of one table; a bulk of bytes made beforehand, into
an index of the same mapping), and the same questions written by hand (in SQL; in
Elasticsearch's own language). The answers are compared. Lag is the time from when
a block is final until it can be searched.`,
		Example: "  librum bench search --transactions 250000 --json\n" +
			"  librum bench search --elasticsearch $LIBRUM_TEST_ELASTICSEARCH",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			results, err := b.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printBenchResults(cmd.OutOrStdout(), b.json, results...)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&b.transactions, "transactions", 250_000, "transfers whose documents are written")
	flags.IntVar(&b.questions, "questions", 100, "how often each question is asked, and asked by hand")
	flags.IntVar(&b.rate, "rate", 1_000, "transactions per second of the node that is followed")
	flags.IntVar(&b.seconds, "seconds", 20, "how long it is followed; 0: not")
	flags.StringVar(&b.server, "elasticsearch", "", "URL of an Elasticsearch without passwords, in place of SQLite")
	flags.StringVar(&b.dir, "dir", "", "directory for what is written, removed afterwards (default the system's)")
	flags.BoolVar(&b.json, "json", false, "print the results as JSON on the last line")
	return cmd
}

// benchIndex is an index with the bare ways to what it does.
type benchIndex interface {
	// index opens an empty index.
	index(ctx context.Context, name string, schema *document.Schema) (indexer.Index, func() error, error)
	// bare opens what writes documents barely; it is called with what prepare made.
	bare(ctx context.Context, schema *document.Schema) (bareWriter, error)
	// asker opens what asks by hand the index that was opened under a name.
	asker(ctx context.Context, name string) (asker, error)
	name() string
	bareName() string
	close(ctx context.Context) error
}

func (b *benchSearch) run(ctx context.Context, progress io.Writer) (results []benchResult, err error) {
	if b.transactions < benchBlock || b.questions < 1 || b.rate < 1 || b.seconds < 0 {
		return nil, wrongUse(fmt.Errorf("bench search: --transactions is at least %d, --questions and --rate at least 1, --seconds at least 0", benchBlock))
	}
	dir, err := os.MkdirTemp(b.dir, "librum-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	schema, err := document.NewSchema(document.Contracts())
	if err != nil {
		return nil, err
	}
	var of benchIndex = &benchSQLite{dir: dir}
	if b.server != "" {
		of = &benchElastic{server: strings.TrimSuffix(b.server, "/"), prefix: "librum-bench-" + strings.ToLower(rand.Text()), web: &http.Client{Timeout: time.Minute}}
	}
	defer func() { err = errors.Join(err, of.close(context.WithoutCancel(ctx))) }()
	x, closeIndex, err := of.index(ctx, "load", schema)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeIndex()) }()
	say(progress, "writing the documents of %d transfers to %s, and barely", b.transactions, of.name())
	written, err := b.load(ctx, of, x, schema)
	if err != nil {
		return nil, err
	}
	say(progress, "asking")
	asked, err := b.ask(ctx, of, x, schema)
	if err != nil {
		return nil, err
	}
	results = append([]benchResult{written}, asked...)
	if b.seconds > 0 {
		say(progress, "following a node at %d transactions per second", b.rate)
		lag, err := b.follow(ctx, of, dir, schema)
		if err != nil {
			return nil, err
		}
		results = append(results, lag)
	}
	return results, nil
}

// benchSQLite is an index in a file.
type benchSQLite struct{ dir string }

func (*benchSQLite) name() string { return "SQLite" }
func (*benchSQLite) bareName() string {
	return "documents per second written as JSON by key into a table"
}

func (s *benchSQLite) path(name string) string { return filepath.Join(s.dir, name+".sqlite") }

func (s *benchSQLite) index(ctx context.Context, name string, schema *document.Schema) (indexer.Index, func() error, error) {
	x, err := sqlite.Open(ctx, s.path(name), schema)
	if err != nil {
		return nil, nil, err
	}
	return x, x.Close, nil
}

func (*benchSQLite) close(context.Context) error { return nil }

// benchElastic is an index in a server, under a prefix that is removed.
type benchElastic struct {
	server, prefix string
	web            *http.Client
}

func (*benchElastic) name() string { return "Elasticsearch" }
func (*benchElastic) bareName() string {
	return "documents per second of a bare bulk load"
}

func (e *benchElastic) index(ctx context.Context, name string, schema *document.Schema) (indexer.Index, func() error, error) {
	config := elastic.Config{Addresses: []string{e.server}, Prefix: e.prefix + "-" + name, Node: ledger.ID{1}, Timeout: time.Minute}
	x, err := elastic.New(config, schema)
	if err != nil {
		return nil, nil, wrongUse(err)
	}
	_, _, err = x.Checkpoint(ctx)
	if err == nil {
		err = x.Reset(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, x.Close()) //nolint:contextcheck // whatever ended the measurement
	}
	return x, x.Close, nil
}
