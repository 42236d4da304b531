package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/internal/durable"
)

// schemeBy splits by the values of a column, where the data have a partition of
// their own.
const schemeBy = "by:"

type dataSplit struct {
	data  string
	split string
	peers int
	seed  int64
	out   string
	json  bool
}

func newDataSplitCommand() *cobra.Command {
	o := &dataSplit{}
	cmd := &cobra.Command{
		Use:   "split",
		Short: "Split a data set among peers, a file each, and draw the split",
		Long: `Split a data set among peers: a file for each, in the form of the input, and
split.svg, a picture with a bar for each peer. The same data, split and seed give
the same files. Rows that stand in no group of by:COLUMN are left out and counted.

Data: csv:PATH?label=COLUMN&schema=FILE or idx:IMAGES,LABELS.
Split: ` + data.SchemeForms + `,
or by:COLUMN (a peer for each value of a column of a table).`,
		Example: "  librum data split --data idx:train-images-idx3-ubyte,train-labels-idx1-ubyte --split dirichlet:0.5 --peers 10 --seed 1 --out parts\n" +
			"  librum data split --data 'csv:lung.csv?label=status&schema=schema.yaml' --split by:inst --out institutions --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.data, "data", "", "the rows to split")
	flags.StringVar(&o.split, "split", "iid", "how: "+data.SchemeForms+" or by:COLUMN")
	flags.IntVar(&o.peers, "peers", 10, "number of peers; by:COLUMN has its own")
	flags.Int64Var(&o.seed, "seed", 1, "of what the split draws")
	flags.StringVar(&o.out, "out", "", "folder for the files; new or empty")
	flags.BoolVar(&o.json, "json", false, "print one JSON object on the last line")
	return cmd
}

// splitResult is what the command prints.
type splitResult struct {
	Split   string      `json:"split"`
	Seed    uint64      `json:"seed"`
	Rows    int         `json:"rows"`
	LeftOut int         `json:"left_out"`
	Labels  []string    `json:"labels"`
	Peers   []splitPart `json:"peers"`
	Picture string      `json:"picture"`
}

// splitPart is what one peer gets.
type splitPart struct {
	Name   string `json:"name"` // its number, or its value of the column
	Data   string `json:"data"` // for librum peer run --data
	Rows   int    `json:"rows"`
	Counts []int  `json:"labels"` // rows of each label
}

// splittable is a data set and how part of it is written.
type splittable struct {
	rows    data.Dataset
	labels  []string
	records *data.Records                                                                // of a table; else nil
	write   func(base string, rows []int) (files map[string][]byte, s string, err error) // by name, and the source that names them
}

func (o *dataSplit) run(out io.Writer) error {
	if o.seed < 0 || o.seed > job.MaxSeed {
		return wrongUse(fmt.Errorf("--seed: %d: want 0 to %d", o.seed, int64(job.MaxSeed)))
	}
	if err := o.emptyFolder(); err != nil {
		return wrongUse(fmt.Errorf("--out: %w", err))
	}
	source, err := o.load()
	if err != nil {
		return wrongUse(fmt.Errorf("--data: %w", err))
	}
	result := splitResult{Split: o.split, Seed: uint64(o.seed), Labels: source.labels, Picture: filepath.Join(o.out, "split.svg")}
	groups, err := o.groups(source, &result)
	if err != nil {
		return wrongUse(fmt.Errorf("--split: %w", err))
	}
	shares := make([]data.Share, len(groups))
	width := len(strconv.Itoa(len(groups)))
	for i, g := range groups {
		files, spec, err := source.write(filepath.Join(o.out, fmt.Sprintf("peer-%0*d", width, i+1)), g.Rows)
		if err != nil {
			return err
		}
		for path, b := range files {
			if err := durable.WriteFile(path, b, 0o600); err != nil {
				return err
			}
		}
		part, err := source.rows.Subset(g.Rows)
		if err != nil {
			return err
		}
		counts := part.LabelCounts()
		if part.Classes == 0 {
			counts = []int{part.Rows}
		}
		shares[i] = data.Share{Name: g.Value, Counts: counts}
		result.Rows += part.Rows
		result.Peers = append(result.Peers, splitPart{Name: g.Value, Data: spec, Rows: part.Rows, Counts: counts})
	}
	title := fmt.Sprintf("%d rows among %d peers, %s", result.Rows, len(groups), o.split)
	if !strings.HasPrefix(o.split, schemeBy) {
		title += fmt.Sprintf(", seed %d", o.seed)
	}
	if err := durable.WriteFile(result.Picture, data.Picture(title, source.labels, shares), 0o644); err != nil {
		return err
	}
	return o.print(out, &result)
}

func (o *dataSplit) print(out io.Writer, r *splitResult) error {
	if o.json {
		return printJSON(out, r)
	}
	t := newTable(out)
	for _, p := range r.Peers {
		t.row(p.Name, fmt.Sprintf("%d rows", p.Rows), p.Data)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d rows, %d left out; picture: %s\n", r.Rows, r.LeftOut, r.Picture)
	return err
}

func (o *dataSplit) emptyFolder() error {
	if o.out == "" {
		return errors.New("name a folder")
	}
	if strings.ContainsAny(o.out, "?,") {
		return fmt.Errorf("%s: a data source can't name files below it, because of the question mark or comma", o.out)
	}
	entries, err := os.ReadDir(o.out)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: files of another split would stand beside these", o.out)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// groups returns the rows of each peer.
func (o *dataSplit) groups(source *splittable, result *splitResult) (groups []data.Group, err error) {
	if column, by := strings.CutPrefix(o.split, schemeBy); by {
		if source.records == nil {
			return nil, errors.New("by:COLUMN is for tables")
		}
		groups, result.LeftOut, err = source.records.By(column)
		return groups, err
	}
	scheme, err := data.ParseScheme(o.split)
	if err != nil {
		return nil, err
	}
	splits, err := scheme.Split(source.rows, o.peers, uint64(o.seed))
	for i, rows := range splits {
		groups = append(groups, data.Group{Value: strconv.Itoa(i + 1), Rows: rows})
	}
	return groups, err
}

func (o *dataSplit) load() (*splittable, error) {
	source, err := data.ParseSource(o.data)
	if err != nil {
		return nil, err
	}
	switch source.Kind {
	case data.SourceCSV:
		return loadTable(source)
	case data.SourceIDX:
		return loadImages(source)
	}
	return nil, fmt.Errorf("%s can't be split, want csv or idx", source.Kind)
}

func loadTable(source data.Source) (*splittable, error) {
	files := dataFiles{}
	rows, err := files.csv(source)
	if err != nil {
		return nil, err
	}
	schema, err := files.schema(source.Schema)
	if err != nil {
		return nil, err
	}
	file, err := files.open(source.Path)
	if err != nil {
		return nil, err
	}
	records, err := data.ReadRecords(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", source.Path, err)
	}
	if len(records.Rows) != rows.Rows {
		return nil, fmt.Errorf("%s changed while it was read", source.Path)
	}
	s := &splittable{rows: rows, labels: schema.Labels(source.Label), records: &records}
	s.write = func(base string, rows []int) (map[string][]byte, string, error) {
		var b bytes.Buffer
		err := records.Write(&b, rows)
		part := source
		part.Path = base + ".csv"
		return map[string][]byte{part.Path: b.Bytes()}, part.String(), err
	}
	return s, nil
}

func loadImages(source data.Source) (_ *splittable, err error) {
	files := dataFiles{}
	images, err := files.open(source.Images)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, images.Close()) }()
	labels, err := files.open(source.Labels)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, labels.Close()) }()
	all, err := data.ReadImages(images, labels)
	if err != nil {
		return nil, err
	}
	s := &splittable{rows: all.Dataset()}
	for i := range s.rows.Classes {
		s.labels = append(s.labels, strconv.Itoa(i))
	}
	s.write = func(base string, rows []int) (map[string][]byte, string, error) {
		var pixels, classes bytes.Buffer
		err := all.Write(&pixels, &classes, rows)
		part := data.Source{Kind: data.SourceIDX, Images: base + "-images.idx", Labels: base + "-labels.idx"}
		return map[string][]byte{part.Images: pixels.Bytes(), part.Labels: classes.Bytes()}, part.String(), err
	}
	return s, nil
}
