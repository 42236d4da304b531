package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
)

// searchFlags are what a search asks beside its query.
type searchFlags struct {
	*serverFlags

	sort, cursor string
	ascending    bool
	limit        int
	columns      []string
	by           []string
	fields       bool
}

func newSearchCommand() *cobra.Command {
	f := &searchFlags{}
	cmd := &cobra.Command{
		Use:   "search [QUERY]",
		Short: "Search what final blocks hold",
		Long: `Search what final blocks hold: blocks, transactions, events, accounts, identities, jobs, rounds, updates and models.

A query is words, "phrases" and fields: name:value, name:beginning*, name>=value, name:[from TO to], name:* (has it), joined by
AND, OR, NOT and ( ). --fields lists the names. You find what you may see, up to the height that the answer says.`,
		Example: "  librum search 'kind:round AND state:final'\n" +
			"  librum search kind:transaction code:ok --sort time --limit 5\n" +
			"  librum search kind:event --by type --by date_histogram:time:1h\n" +
			"  librum search --fields",
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, strings.Join(args, " ")) },
	}
	f.serverFlags = addServerFlags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.sort, "sort", "", "field by which hits are ordered (default height)")
	flags.BoolVar(&f.ascending, "ascending", false, "the lowest first")
	flags.IntVar(&f.limit, "limit", 20, "hits, 0 to 1000")
	flags.StringVar(&f.cursor, "cursor", "", "go on behind an earlier answer's hits")
	flags.StringSliceVar(&f.columns, "columns", nil, "fields to show (default those that fit the hits)")
	flags.StringArrayVar(&f.by, "by", nil, "count by a field, or OP:FIELD[:INTERVAL], as avg:accuracy or date_histogram:time:1h; may be repeated")
	flags.BoolVar(&f.fields, "fields", false, "list the fields instead")
	return cmd
}

func (f *searchFlags) run(cmd *cobra.Command, query string) error {
	r := &v1.SearchRequest{Query: query, Sort: f.sort, Limit: &f.limit, Cursor: f.cursor}
	if f.ascending {
		r.Order = "asc"
	}
	for _, by := range f.by {
		r.Aggregations = append(r.Aggregations, aggregationOf(by))
	}
	c, err := f.open()
	if err != nil {
		return err
	}
	if f.fields {
		list, err := c.SearchFields(cmd.Context())
		if err != nil {
			return answered(err)
		}
		if f.json {
			return printJSON(cmd.OutOrStdout(), list)
		}
		t := newTable(cmd.OutOrStdout())
		for _, field := range list.Fields {
			t.row(field.Name, field.Type, field.Doc)
		}
		return t.Flush()
	}
	a, err := c.Search(cmd.Context(), r)
	if err != nil {
		return answered(err)
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), a)
	}
	return f.show(newTable(cmd.OutOrStdout()), r, &a)
}

// aggregationOf reads FIELD or OP:FIELD[:INTERVAL]; the node says what is wrong.
func aggregationOf(by string) v1.SearchAggregation {
	op, rest, ok := strings.Cut(by, ":")
	if !ok {
		return v1.SearchAggregation{Op: "terms", Field: by}
	}
	field, interval, _ := strings.Cut(rest, ":")
	return v1.SearchAggregation{Op: op, Field: field, Interval: interval}
}

func (f *searchFlags) show(t table, r *v1.SearchRequest, a *v1.SearchAnswer) error {
	columns := f.columns
	if len(columns) == 0 {
		columns = columnsOf(a.Hits)
	}
	if len(a.Hits) > 0 {
		head := []any{"KIND", "ID", "HEIGHT"}
		for _, c := range columns {
			head = append(head, strings.ToUpper(c))
		}
		t.row(head...)
	}
	for _, h := range a.Hits {
		cells := []any{h.Kind, short(h.ID), h.Height}
		for _, c := range columns {
			cells = append(cells, showField(c, h.Fields[c]))
		}
		t.row(cells...)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, aggregate := range a.Aggregations {
		t.row()
		t.row(r.Aggregations[i].Op, r.Aggregations[i].Field)
		showAggregate(t, &r.Aggregations[i], &aggregate)
	}
	more := ""
	if a.More {
		more = "more than "
	}
	t.row()
	t.row(fmt.Sprintf("%s%d found, up to block %d, hash %s", more, a.Total, a.Indexed.Height, a.Indexed.Hash))
	if a.NextCursor != "" {
		t.row("next: --cursor " + a.NextCursor)
	}
	return t.Flush()
}

func showAggregate(t table, asked *v1.SearchAggregation, a *v1.SearchAggregate) {
	switch {
	case a.Value != nil:
		t.row("", decimal(*a.Value))
	case len(a.Percentiles) > 0:
		for _, p := range a.Percentiles {
			t.row("", decimal(p.Percent)+" %", decimal(p.Value))
		}
	}
	for _, b := range a.Buckets {
		key := showField("", b.Key)
		if ms, ok := b.Key.(float64); ok && asked.Op == "date_histogram" {
			key = time.UnixMilli(int64(ms)).UTC().Format(time.RFC3339)
		}
		t.row("", key, b.Count)
	}
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// columnsOf chooses fields that tell the hits apart, by their kinds.
func columnsOf(hits []v1.SearchHit) []string {
	byKind := map[string][]string{
		"block":       {"time", "num_transactions", "size", "hash"},
		"transaction": {"time", "sender", "contract", "method", "code", "transaction"},
		"event":       {"time", "type", "sender", "job", "round", "transaction"},
		"account":     {"balance", "organisation"},
		"identity":    {"status", "roles", "organisation"},
		"job":         {"state", "reason", "strategy", "architecture", "num_final", "num_rounds", "created"},
		"round":       {"state", "submitted", "declined", "agreed", "accuracy", "loss"},
		"update":      {"state", "reason", "num_examples", "accuracy", "loss"},
		"model":       {"round", "accuracy", "loss", "size", "model"},
	}
	var columns []string
	for _, h := range hits {
		for _, c := range byKind[h.Kind] {
			if !slices.Contains(columns, c) && len(columns) < 8 {
				columns = append(columns, c)
			}
		}
	}
	return columns
}

// showField shows a value on one line. What strangers wrote is quoted where it
// holds what a terminal would act on.
func showField(name string, v any) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case float64:
		if name == "time" || name == "created" || name == "opened" || name == "closed" || name == "ended" || name == "expiry" {
			return time.UnixMilli(int64(v)).UTC().Format(time.RFC3339)
		}
		return decimal(v)
	case string:
		return short(clean(v))
	case []any:
		list := make([]string, len(v))
		for i, item := range v {
			list[i] = showField(name, item)
		}
		return strings.Join(list, ",")
	}
	return clean(fmt.Sprint(v))
}

// clean quotes a text that has anything but what is shown.
func clean(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// short shortens ids of 64 digits, which are told apart by fewer.
func short(s string) string {
	const digits, shown = 64, 12
	if len(s) < digits || strings.Trim(s[:digits], "0123456789abcdef") != "" {
		return s
	}
	return s[:shown] + "…" + s[digits:]
}
