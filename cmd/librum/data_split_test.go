package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/fl/data"
)

// wards writes 60 rows of three wards and a schema, and returns the source.
func wards(t *testing.T, dir string) string {
	t.Helper()
	text := "ward,x,ill\n"
	for i := range 60 {
		text += fmt.Sprintf("%d,%d,%s\n", 8+i%3, i, []string{"no", "yes"}[i%2])
	}
	text += ",60,no\n"
	schema := "columns:\n  - {name: x, type: number, min: 0, max: 60}\n  - {name: ill, type: category, values: [\"no\", \"yes\"]}\n"
	for name, content := range map[string]string{"rows.csv": text, "schema.yaml": schema} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("csv:%s?label=ill&schema=%s", filepath.Join(dir, "rows.csv"), filepath.Join(dir, "schema.yaml"))
}

// features returns all first features, ascending.
func features(t *testing.T, sources ...string) []float32 {
	t.Helper()
	var all []float32
	for _, s := range sources {
		d, err := loadData(s, "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Rows {
			all = append(all, d.Row(i)[0])
		}
	}
	slices.Sort(all)
	return all
}

func split(t *testing.T, args ...string) splitResult {
	t.Helper()
	out, text, code := run(t, newDataCommand(), append([]string{"split", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("%v: exit %d, %s", args, code, text)
	}
	var r splitResult
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDataSplit splits a table in each way: what it prints can be trained on, and
// all rows are there once.
func TestDataSplit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := wards(t, dir)
	whole := features(t, source)
	for scheme, peers := range map[string]int{"iid": 4, "dirichlet:0.5": 4, "labels:1": 4, "by:ward": 3} {
		out := filepath.Join(dir, strings.ReplaceAll(scheme, ":", "-"))
		r := split(t, "--data", source, "--split", scheme, "--peers", "4", "--seed", "7", "--out", out)
		var sources []string
		for _, p := range r.Peers {
			sources = append(sources, p.Data)
		}
		want := whole
		if scheme == "by:ward" {
			want = whole[:60] // the last row is in no ward
			if r.LeftOut != 1 || r.Peers[0].Name != "8" || r.Peers[2].Name != "10" || r.Peers[2].Rows != 20 {
				t.Errorf("by ward: %+v", r)
			}
		}
		if len(r.Peers) != peers || r.Rows != len(want) || !slices.Equal(features(t, sources...), want) || !slices.Equal(r.Labels, []string{"no", "yes"}) {
			t.Errorf("%s: %+v", scheme, r)
		}
		if picture, err := os.ReadFile(r.Picture); err != nil || !bytes.HasPrefix(picture, []byte("<svg")) {
			t.Errorf("%s: picture %.20q, %v", scheme, picture, err)
		}
		again := split(t, "--data", source, "--split", scheme, "--peers", "4", "--seed", "7", "--out", out+"-again")
		for i := range r.Peers {
			if !slices.Equal(features(t, r.Peers[i].Data), features(t, again.Peers[i].Data)) {
				t.Errorf("%s: the same seed gives peer %d other rows", scheme, i+1)
			}
		}
	}
}

func TestDataSplitImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := data.Images{Dims: []int{30, 2, 2}}
	rows := make([]int, 30)
	for i := range rows {
		rows[i] = i
		m.Pixels, m.Labels = append(m.Pixels, byte(i), 0, 0, 0), append(m.Labels, byte(i%3))
	}
	var images, labels bytes.Buffer
	if err := m.Write(&images, &labels, rows); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"images": images.Bytes(), "labels": labels.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	source := fmt.Sprintf("idx:%s,%s", filepath.Join(dir, "images"), filepath.Join(dir, "labels"))
	r := split(t, "--data", source, "--split", "labels:2", "--peers", "3", "--out", filepath.Join(dir, "parts"))
	var sources []string
	for _, p := range r.Peers {
		sources = append(sources, p.Data)
		if has := len(slices.DeleteFunc(slices.Clone(p.Counts), func(n int) bool { return n == 0 })); has != 2 {
			t.Errorf("peer %s has %d labels: %v", p.Name, has, p.Counts)
		}
	}
	if !slices.Equal(features(t, sources...), features(t, source)) {
		t.Error("the parts are not the whole")
	}
	for _, args := range [][]string{
		{"--data", source, "--split", "by:ward", "--out", filepath.Join(dir, "new")},
		{"--data", source, "--split", "shards", "--out", filepath.Join(dir, "new")},
		{"--data", source, "--peers", "31", "--out", filepath.Join(dir, "new")},
		{"--data", source, "--seed", "-1", "--out", filepath.Join(dir, "new")},
		{"--data", "digits:1/3?seed=1", "--out", filepath.Join(dir, "new")},
		{"--data", source, "--out", filepath.Join(dir, "parts")},
		{"--data", source, "--out", filepath.Join(dir, "a,b")},
		{"--data", source},
	} {
		if _, text, code := run(t, newDataCommand(), append([]string{"split"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d, %s", args, code, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); !os.IsNotExist(err) {
		t.Errorf("a refused split left files: %v", err)
	}
}

// TestBenchAccuracy runs two small seeds over the table: what it prints adds up.
func TestBenchAccuracy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := wards(t, dir)
	spec := filepath.Join(dir, "job.yaml")
	if err := os.WriteFile(spec, []byte("num_rounds: 3\nmodel: {name: logistic, layers: [1, 2]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, text, code := run(t, newBenchCommand(), "accuracy", "--file", spec, "--data", source, "--test", source, "--peers", "3", "--seeds", "1,2", "--central", "--json")
	var r accuracyResult
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, text)
	}
	if len(r.Cells) != 1 || len(r.Cells[0].Runs) != 2 {
		t.Fatalf("%+v", r)
	}
	runs := r.Cells[0].Runs
	if len(runs[1].Rounds) != 3 || runs[0].Steps != 9 || runs[0].Central == 0 || r.Cells[0].Accuracy != (runs[0].Rounds[2]+runs[1].Rounds[2])/2 {
		t.Errorf("%+v", r)
	}
	// What was measured before an error is told, and the error too.
	out, text, code = run(t, newBenchCommand(), "accuracy", "--file", spec, "--data", source, "--test", source, "--peers", "3", "--seeds", "1", "--strategies", "fedavg,scaffold")
	if code != exitNo || !strings.Contains(out, "fedavg, attack none: ") || !strings.Contains(text, "scaffold") {
		t.Errorf("an error at the end: exit %d, %s%s", code, out, text)
	}
	r = accuracyResult{}
	out, _, _ = run(t, newBenchCommand(), "accuracy", "--file", spec, "--data", source, "--test", source, "--peers", "3", "--seeds", "1", "--strategies", "fedavg,scaffold", "--json")
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Cells) != 1 || r.Cells[0].Strategy != "fedavg" || !strings.Contains(r.Error, "scaffold") {
		t.Errorf("an error at the end: %s, %v", out, err)
	}
	for _, args := range [][]string{
		{"--file", spec, "--data", source, "--test", source, "--seeds", "-1"},
		{"--file", spec, "--data", source},
		{"--file", spec, "--data", source, "--test", source, "--attacks", "rain"},
		{"--file", spec, "--data", source, "--test", source, "--strategies", "hope"},
		{"--file", spec, "--data", source, "--test", source, "--peers", "3", "--per-round", "4"},
		{"--file", spec, "--data", source, "--test", source, "--rows", "1000"},
		{"--file", spec, "--data", source, "--test", source, "--split", "x"},
	} {
		if _, text, code := run(t, newBenchCommand(), append([]string{"accuracy"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d, %s", args, code, text)
		}
	}
}
