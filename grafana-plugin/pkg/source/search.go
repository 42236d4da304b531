package source

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
)

// searchQuery lists documents, as rows or as lines of a log.
type searchQuery struct {
	Query     string   `json:"query"`
	Format    string   `json:"format"`
	Columns   []string `json:"columns"` // of a table; none: those that the rows have
	Sort      string   `json:"sort"`    // a field; empty: the time field
	Order     string   `json:"order"`
	Limit     int      `json:"limit"`
	TimeField string   `json:"timeField"` // by which it is narrowed to the panel's times
}

// Bounds of a list: a page of the node holds so many.
const (
	usualRows = 100
	mostRows  = 5_000
	pageRows  = 1_000
)

func (s *Source) search(ctx context.Context, a *asked) (data.Frames, error) {
	var q searchQuery
	if err := a.read(&q); err != nil {
		return nil, err
	}
	format, err := choice("the format", q.Format, formatTable, formatLogs)
	if err != nil {
		return nil, err
	}
	limit, err := capped("the limit", q.Limit, usualRows, mostRows)
	if err != nil {
		return nil, err
	}
	order, err := choice("the order", q.Order, "desc", "asc")
	if err != nil {
		return nil, err
	}
	text, err := narrowed(q.Query, q.TimeField, a)
	if err != nil {
		return nil, err
	}
	fields, err := s.schema.of(ctx, s.client)
	if err != nil {
		return nil, err
	}
	for _, name := range q.Columns {
		if _, ok := fields.byName[name]; !ok && name != columnProof {
			return nil, wrongAsk("the column %.40q is no field; choose of the list", name)
		}
	}
	hits, more, err := s.hits(ctx, &v1.SearchRequest{Query: text, Sort: sortOf(q), Order: order}, limit)
	if err != nil {
		return nil, err
	}
	frame := hitTable(hits, fields, q.Columns, s.proofLink)
	if format == formatLogs {
		frame = hitLogs(hits)
	}
	if more {
		notice(frame, "the first %d that were found; there are more: narrow the query or raise the limit", len(hits))
	}
	return data.Frames{frame}, nil
}

func sortOf(q searchQuery) string {
	switch {
	case q.Sort != "":
		return q.Sort
	case q.TimeField == "" || q.TimeField == noTimeField:
		return "time"
	}
	return q.TimeField
}

// hits asks page by page until there are as many as wanted, and says whether
// there are more.
func (s *Source) hits(ctx context.Context, r *v1.SearchRequest, limit int) (hits []v1.SearchHit, more bool, err error) {
	for len(hits) < limit {
		r.Limit = new(min(limit-len(hits), pageRows))
		answer, err := s.client.Search(ctx, r)
		if err != nil {
			return nil, false, inQuery(err, r.Query)
		}
		hits = append(hits, answer.Hits...)
		if r.Cursor = answer.NextCursor; r.Cursor == "" || len(answer.Hits) == 0 {
			return hits, false, nil
		}
	}
	return hits, true, nil
}

// The columns that every table of documents has.
const (
	columnKind   = "kind"
	columnID     = "id"
	columnHeight = "height"
	columnProof  = "proof"
)

// hitTable is a column for each field, those asked for or all that a row has, in
// the node's order, and the proof of each row.
func hitTable(hits []v1.SearchHit, fields *fieldList, columns []string, link func(*data.Field)) *data.Frame {
	names := columns
	if len(names) == 0 {
		names = present(hits, fields)
	}
	frame := table(data.NewFrame("documents"))
	for _, name := range names {
		if name == columnProof {
			continue
		}
		f := newColumn(name, typeOf(fields.byName[name]), len(hits))
		for row := range hits {
			setCell(f, row, valueOf(&hits[row], name))
		}
		if doc := fields.byName[name].Doc; doc != "" {
			f.Config = &data.FieldConfig{Description: doc}
		}
		frame.Fields = append(frame.Fields, f)
	}
	proof := newColumn(columnProof, data.FieldTypeString, len(hits))
	for row := range hits {
		proof.Set(row, hits[row].Proof)
	}
	link(proof)
	frame.Fields = append(frame.Fields, proof)
	return frame
}

// present lists the fields that any of the hits has; of no hits, those that every
// document has, so that an empty table keeps its types (invariant 1).
func present(hits []v1.SearchHit, fields *fieldList) []string {
	has := map[string]bool{columnKind: true, columnID: true, columnHeight: true, "time": true}
	for i := range hits {
		for name := range hits[i].Fields {
			has[name] = true
		}
	}
	var names []string
	for _, f := range fields.list {
		if has[f.Name] {
			names = append(names, f.Name)
		}
	}
	if i := slices.Index(names, "time"); i > 0 { // a table begins with when
		names = slices.Insert(slices.Delete(names, i, i+1), 0, "time")
	}
	return names
}

func valueOf(h *v1.SearchHit, name string) any {
	switch name {
	case columnKind:
		return h.Kind
	case columnID:
		return h.ID
	case columnHeight:
		return float64(h.Height)
	}
	return h.Fields[name]
}

// hitLogs is a line for each document that has a time, in the form that Grafana
// has for logs.
func hitLogs(hits []v1.SearchHit) *data.Frame {
	hits = slices.DeleteFunc(slices.Clone(hits), func(h v1.SearchHit) bool {
		_, ok := h.Fields["time"].(float64)
		return !ok
	})
	frame := data.NewFrame("logs",
		newColumn("timestamp", data.FieldTypeTime, len(hits)),
		newColumn("body", data.FieldTypeString, len(hits)),
		newColumn("severity", data.FieldTypeString, len(hits)),
		newColumn("id", data.FieldTypeString, len(hits)),
		newColumn("labels", data.FieldTypeJSON, len(hits)),
	)
	for row := range hits {
		h := &hits[row]
		ms, _ := h.Fields["time"].(float64)
		frame.SetRow(row, at(int64(ms)), lineOf(h), severityOf(h), h.Kind+"/"+h.ID, labelsOf(h))
	}
	return frame.SetMeta(&data.FrameMeta{
		Type: data.FrameTypeLogLines, TypeVersion: data.FrameTypeVersion{0, 0}, PreferredVisualization: data.VisTypeLogs,
	})
}

// lineOf tells a document in one line.
func lineOf(h *v1.SearchHit) string {
	parts := []string{h.Kind}
	for _, name := range []string{"type", "contract", "method", "code", "state", "reason", "dissent"} {
		if text, ok := textOf(h.Fields[name]); ok {
			parts = append(parts, text)
		}
	}
	for _, name := range []string{"job", "round", "peer", "node"} {
		if text, ok := textOf(h.Fields[name]); ok {
			parts = append(parts, name+" "+short(text))
		}
	}
	if text, ok := h.Fields["text"].(string); ok {
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

// severityOf reads a document's outcome as the level of a log line.
func severityOf(h *v1.SearchHit) string {
	code, _ := h.Fields["code"].(string)
	kind, _ := h.Fields["type"].(string)
	state, _ := h.Fields["state"].(string)
	_, dissents := h.Fields["dissent"].(string)
	switch {
	case code != "" && code != "ok", strings.HasSuffix(kind, ".failed"), state == "failed":
		return "error"
	case dissents, strings.HasSuffix(kind, ".void"), strings.HasSuffix(kind, ".lost"), strings.HasSuffix(kind, ".declined"),
		state == "void", state == "declined":
		return "warning"
	}
	return "info"
}

func labelsOf(h *v1.SearchHit) json.RawMessage {
	labels := map[string]string{columnKind: h.Kind}
	for name, v := range h.Fields {
		if text, ok := textOf(v); ok && name != "text" && name != "time" {
			labels[name] = text
		}
	}
	b, err := json.Marshal(labels)
	if err != nil { // texts always can be written
		return json.RawMessage("{}")
	}
	return b
}
