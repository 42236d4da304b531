package elastic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/searchtest"
)

// savedObject is a line of Kibana's export, as Kibana 8 writes it: an attribute
// that no type here has is a mistake.
type savedObject struct {
	ID         string `json:"id"`
	Type       string `json:"type"`
	References []struct {
		Name string `json:"name"`
		Type string `json:"type"`
		ID   string `json:"id"`
	} `json:"references"`
	Attributes           json.RawMessage `json:"attributes"`
	Managed              bool            `json:"managed"`
	CoreMigrationVersion string          `json:"coreMigrationVersion"`
}

type sourceMeta struct {
	JSON string `json:"searchSourceJSON"`
}

type dataView struct {
	Title         string `json:"title"`
	Name          string `json:"name"`
	TimeFieldName string `json:"timeFieldName"`
	Fields        string `json:"fields"`
	SourceFilters string `json:"sourceFilters"`
}

type savedSearch struct {
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Columns     []string   `json:"columns"`
	Sort        [][]string `json:"sort"`
	Meta        sourceMeta `json:"kibanaSavedObjectMeta"`
}

type visualization struct {
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Version     int        `json:"version"`
	UIState     string     `json:"uiStateJSON"`
	State       string     `json:"visState"`
	Meta        sourceMeta `json:"kibanaSavedObjectMeta"`
}

type visState struct {
	Title  string         `json:"title"`
	Type   string         `json:"type"`
	Params map[string]any `json:"params"`
	Aggs   []struct {
		ID      string         `json:"id"`
		Enabled bool           `json:"enabled"`
		Type    string         `json:"type"`
		Schema  string         `json:"schema"`
		Params  map[string]any `json:"params"`
	} `json:"aggs"`
}

type dashboard struct {
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Panels      string     `json:"panelsJSON"`
	Options     string     `json:"optionsJSON"`
	Version     int        `json:"version"`
	TimeRestore bool       `json:"timeRestore"`
	TimeFrom    string     `json:"timeFrom"`
	TimeTo      string     `json:"timeTo"`
	Meta        sourceMeta `json:"kibanaSavedObjectMeta"`
}

// strict decodes what has no other fields.
func strict(t *testing.T, b []byte, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %.200s", err, b)
	}
}

// kibana checks the saved objects.
type kibana struct {
	schema  *document.Schema
	objects map[string]*savedObject // by type/id
	// queries are what panels ask Elasticsearch, by data view.
	queries map[string][]map[string]any
}

func readKibana(t *testing.T) *kibana {
	t.Helper()
	b, err := os.ReadFile("../../deploy/kibana/librum.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	k := &kibana{schema: searchtest.Schema(t), objects: map[string]*savedObject{}, queries: map[string][]map[string]any{}}
	for line := range bytes.Lines(b) {
		o := new(savedObject)
		strict(t, line, o)
		if k.objects[o.Type+"/"+o.ID] != nil || o.ID == "" || o.CoreMigrationVersion == "" {
			t.Errorf("object %s/%s: there are two, or it lacks id or version", o.Type, o.ID)
		}
		k.objects[o.Type+"/"+o.ID] = o
	}
	return k
}

// field wants a field of the schema, of one of the types if any are named.
func (k *kibana) field(t *testing.T, where, name string, types ...document.Type) {
	t.Helper()
	f, ok := k.schema.Field(name)
	if !ok || len(types) > 0 && !slices.Contains(types, f.Type) {
		t.Errorf("%s: %q is no field of the types %v", where, name, types)
	}
}

var kqlField = regexp.MustCompile(`([A-Za-z_]+):`)

// source checks a query and returns the data view that it is asked of.
func (k *kibana) source(t *testing.T, o *savedObject, meta sourceMeta, asksView bool) string {
	t.Helper()
	var s struct {
		Query struct {
			Query    string `json:"query"`
			Language string `json:"language"`
		} `json:"query"`
		Filter       []any  `json:"filter"`
		IndexRefName string `json:"indexRefName"`
	}
	strict(t, []byte(meta.JSON), &s)
	for _, found := range kqlField.FindAllStringSubmatch(s.Query.Query, -1) {
		k.field(t, o.ID, found[1])
	}
	if s.Query.Language != "kuery" || asksView != (s.IndexRefName != "") {
		t.Errorf("%s: source %s", o.ID, meta.JSON)
	}
	view := ""
	for _, r := range o.References {
		if k.objects[r.Type+"/"+r.ID] == nil {
			t.Errorf("%s refers to %s/%s, which is not there", o.ID, r.Type, r.ID)
		}
		if r.Name == s.IndexRefName && r.Type == "index-pattern" {
			view = r.ID
		}
	}
	if asksView && view == "" {
		t.Errorf("%s asks no data view", o.ID)
	}
	return view
}

func (k *kibana) view(t *testing.T, o *savedObject) {
	t.Helper()
	var v dataView
	strict(t, o.Attributes, &v)
	kind, ok := strings.CutPrefix(v.Title, "librum-*-")
	if !ok || !slices.Contains(document.Kinds(), document.Kind(kind)) || v.Name == "" || v.Fields != "[]" {
		t.Errorf("data view %+v: want the alias of a kind", v)
	}
	k.field(t, o.ID, v.TimeFieldName, document.Time)
	var filters []struct {
		Value string `json:"value"`
	}
	strict(t, []byte(v.SourceFilters), &filters)
}

func (k *kibana) search(t *testing.T, o *savedObject) {
	t.Helper()
	var s savedSearch
	strict(t, o.Attributes, &s)
	view := k.source(t, o, s.Meta, true)
	for _, c := range s.Columns {
		k.field(t, o.ID, c)
	}
	for _, by := range s.Sort {
		k.field(t, o.ID, by[0], document.Time, document.Integer, document.Keyword)
		k.queries[view] = append(k.queries[view], map[string]any{"sort": []any{map[string]any{by[0]: by[1]}}})
	}
}

// panel checks a visualization, and makes of its aggregations what Kibana does.
func (k *kibana) panel(t *testing.T, o *savedObject) {
	t.Helper()
	var v visualization
	strict(t, o.Attributes, &v)
	view := k.source(t, o, v.Meta, true)
	var s visState
	strict(t, []byte(v.State), &s)
	if s.Title != v.Title || !slices.Contains([]string{"histogram", "line", "table"}, s.Type) || v.UIState != "{}" || s.Aggs[0].Schema != "metric" {
		t.Errorf("%s: state %+v", o.ID, s)
	}
	numbers := []document.Type{document.Integer, document.Number}
	inner, metrics := map[string]any{}, map[string]any{}
	for _, a := range slices.Backward(s.Aggs) {
		field, _ := a.Params["field"].(string)
		fields := map[string]any{"field": field}
		switch a.Type {
		case "count":
			continue
		case "max", "avg":
			k.field(t, o.ID, field, numbers...)
		case "cardinality":
			k.field(t, o.ID, field, document.Keyword)
		case "terms":
			k.field(t, o.ID, field, document.Keyword)
			fields["size"] = a.Params["size"]
		case "histogram":
			k.field(t, o.ID, field, numbers...)
			fields["interval"] = a.Params["interval"]
		case "date_histogram":
			k.field(t, o.ID, field, document.Time)
			fields["fixed_interval"] = "30s"
		default:
			t.Errorf("%s: aggregation %s", o.ID, a.Type)
		}
		one := map[string]any{a.Type: fields}
		if a.Schema == "metric" {
			metrics[a.ID] = one
			continue
		}
		if len(inner) > 0 {
			one["aggs"] = inner
		}
		inner = map[string]any{a.ID: one}
	}
	for id, m := range metrics {
		inner["m"+id] = m
	}
	k.queries[view] = append(k.queries[view], map[string]any{"size": 0, "aggs": inner})
}

func (k *kibana) dashboard(t *testing.T, o *savedObject) {
	t.Helper()
	var d dashboard
	strict(t, o.Attributes, &d)
	k.source(t, o, d.Meta, false)
	var panels []struct {
		Type       string         `json:"type"`
		PanelIndex string         `json:"panelIndex"`
		GridData   map[string]any `json:"gridData"`
		Config     map[string]any `json:"embeddableConfig"`
		RefName    string         `json:"panelRefName"`
	}
	strict(t, []byte(d.Panels), &panels)
	var options map[string]bool
	strict(t, []byte(d.Options), &options)
	for i, p := range panels {
		r := o.References[i]
		if r.Name != p.PanelIndex+":"+p.RefName || r.Type != p.Type || p.GridData["i"] != p.PanelIndex {
			t.Errorf("panel %+v, reference %+v", p, r)
		}
	}
	if len(panels) != len(o.References) || len(panels) == 0 {
		t.Errorf("%d panels, %d references", len(panels), len(o.References))
	}
}

// The saved objects have the form of Kibana 8's, name fields that there are, and
// refer to each other; what their panels ask, Elasticsearch answers.
func TestKibana(t *testing.T) {
	t.Parallel()
	k := readKibana(t)
	count := map[string]int{}
	for _, o := range k.objects {
		count[o.Type]++
		check, ok := map[string]func(*testing.T, *savedObject){
			"index-pattern": k.view, "search": k.search, "visualization": k.panel, "dashboard": k.dashboard,
		}[o.Type]
		if !ok {
			t.Errorf("object %s is a %s", o.ID, o.Type)
			continue
		}
		check(t, o)
	}
	if count["index-pattern"] < 5 || count["visualization"] < 4 || count["dashboard"] != 1 {
		t.Errorf("objects %v", count)
	}
	config := configure(t)
	x := open(t, config, k.schema)
	apply(t, x, blocks(1, 2, 5), at(2))
	for view, list := range k.queries {
		var v dataView
		strict(t, k.objects["index-pattern/"+view].Attributes, &v)
		alias := strings.Replace(v.Title, "librum-*", config.Prefix, 1)
		for _, q := range list {
			if status, text := call(t, http.MethodPost, "/"+alias+"/_search", q); status != http.StatusOK || strings.Contains(text, `"failed":1`) {
				t.Errorf("%s is asked %s: %d %.500s", alias, fmt.Sprint(q), status, text)
			}
		}
	}
}
