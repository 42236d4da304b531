package source

import (
	"fmt"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	v1 "github.com/librum/librum/api/v1"
)

// typeOf is the type of the column that shows a field (invariant 1). Amounts stay
// the exact texts they are; double precision would round them.
func typeOf(f v1.SearchField) data.FieldType {
	switch {
	case f.Many:
		return data.FieldTypeNullableString
	case f.Type == "integer":
		return data.FieldTypeNullableInt64
	case f.Type == "number":
		return data.FieldTypeNullableFloat64
	case f.Type == "time":
		return data.FieldTypeNullableTime
	case f.Type == "flag":
		return data.FieldTypeNullableBool
	}
	return data.FieldTypeNullableString
}

// newColumn returns a column of so many rows without values.
func newColumn(name string, of data.FieldType, rows int) *data.Field {
	f := data.NewFieldFromFieldType(of, rows)
	f.Name = name
	return f
}

// setCell sets a value of a document, as JSON has it. What does not fit stays
// empty.
func setCell(f *data.Field, row int, v any) {
	switch f.Type() {
	case data.FieldTypeNullableInt64:
		if x, ok := v.(float64); ok {
			f.Set(row, new(int64(x)))
		}
	case data.FieldTypeNullableFloat64:
		if x, ok := v.(float64); ok {
			f.Set(row, &x)
		}
	case data.FieldTypeNullableTime:
		if x, ok := v.(float64); ok {
			f.Set(row, new(time.UnixMilli(int64(x)).UTC()))
		}
	case data.FieldTypeNullableBool:
		if x, ok := v.(bool); ok {
			f.Set(row, &x)
		}
	case data.FieldTypeNullableString:
		if text, ok := textOf(v); ok {
			f.Set(row, &text)
		}
	default:
	}
}

func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case nil:
		return "", false
	case string:
		return v, true
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i], _ = textOf(item)
		}
		return strings.Join(parts, ", "), true
	}
	return fmt.Sprint(v), true
}

// at is a log time.
func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// orNoTime is a log time, or none for 0.
func orNoTime(ms int64) *time.Time {
	if ms == 0 {
		return nil
	}
	return new(at(ms))
}

// notice says something about a whole frame, above its panel.
func notice(f *data.Frame, format string, args ...any) {
	f.AppendNotices(data.Notice{Severity: data.NoticeSeverityInfo, Text: fmt.Sprintf(format, args...)})
}

// series marks a frame as one time with numbers beside it (invariant 2).
func series(f *data.Frame) *data.Frame {
	return f.SetMeta(&data.FrameMeta{
		Type: data.FrameTypeTimeSeriesWide, TypeVersion: data.FrameTypeVersion{0, 1}, PreferredVisualization: data.VisTypeGraph,
	})
}

// table marks a frame as rows.
func table(f *data.Frame) *data.Frame {
	return f.SetMeta(&data.FrameMeta{
		Type: data.FrameTypeTable, TypeVersion: data.FrameTypeVersion{0, 1}, PreferredVisualization: data.VisTypeTable,
	})
}

// proofLink has Grafana fetch the proof whose path stands in the cell: this data
// source asks the node for it, since the reader's browser has no token.
func (s *Source) proofLink(f *data.Field) {
	f.Config = &data.FieldConfig{
		DisplayName: "proof",
		Links: []data.DataLink{{
			Title: "Show the proof", TargetBlank: true,
			URL: "/api/datasources/uid/" + s.uid + "/resources/proof?of=${__value.raw}",
		}},
	}
}

// short shortens an id of the ledger, which few digits tell apart.
func short(id string) string {
	const shown = 8
	if len(id) <= shown {
		return id
	}
	return id[:shown]
}
