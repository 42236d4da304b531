package app_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCardWalk runs the lines of docs/card.md as they stand there: a model is
// evaluated by its peers and by its owner, and says where it comes from.
func TestCardWalk(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatalf("the document's lines need bash: %v", err)
	}
	blocks := codeBlocks(t, "docs/card.md", "## Five minutes")
	if len(blocks) != 2 || strings.TrimSpace(blocks[0]) != "bin/librum dev --peers 4 --hold-out 0.25" {
		t.Fatalf("the section has %d blocks, want dev and the walk", len(blocks))
	}
	dir := t.TempDir()
	linkBinary(t, dir)
	port := freePort(t)
	d := startDevWith(t, filepath.Join(dir, "librum-dev"), "--listen", "127.0.0.1:"+port, "--peers", "4", "--hold-out", "0.25")
	out := bash(t, dir, port, blocks[1]+`
echo "job $(bin/librum job show $JOB --json)"
echo "last $(bin/librum job show $LAST --json)"
echo "own $(bin/librum job evaluate $JOB --data 'digits:1/2?seed=7' --json)"
bin/librum verify job $LAST --server http://127.0.0.1:8080 --genesis `+d.genesis+`
`)
	type shown struct {
		State   string
		Model   struct{ Digest string }
		Updates []struct {
			NumExamples int `json:"num_examples"`
			Metrics     map[string]float64
		}
	}
	job, last := after[shown](t, out, "job "), after[shown](t, out, "last ")
	if job.Model.Digest == "" || last.Model.Digest != job.Model.Digest || last.State != "finished" {
		t.Errorf("evaluating changed model %s into %s, %s", job.Model.Digest, last.Model.Digest, last.State)
	}
	if len(job.Updates) != 4 || len(last.Updates) != 4 {
		t.Fatalf("%d and %d updates", len(job.Updates), len(last.Updates))
	}
	held, trained := 0.0, 0
	for i, u := range job.Updates {
		l := last.Updates[i]
		if len(u.Metrics) != 5 || len(l.Metrics) != 3 || l.Metrics["eval_examples"] != u.Metrics["eval_examples"] || l.Metrics["eval_loss"] == u.Metrics["eval_loss"] {
			t.Errorf("peer %d told %v, then %v", i, u.Metrics, l.Metrics)
		}
		held += u.Metrics["eval_examples"]
		trained += u.NumExamples
	}
	if all := held + float64(trained); all != 1437 || held < 340 || held > 360 {
		t.Errorf("%g of %g rows are held out, want a quarter of 1437", held, all)
	}
	own := after[struct {
		Metrics map[string]float64
		ByLabel []struct{ Examples int } `json:"by_label"`
	}](t, out, "own ")
	if own.Metrics["accuracy"] < 0.5 || len(own.ByLabel) < 9 {
		t.Errorf("on rows of one's own: %+v", own)
	}
	card, err := os.ReadFile(filepath.Join(dir, "card", "card.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, picture := range []string{"accuracy.svg", "loss.svg", "peers-eval_accuracy.svg"} {
		svg, err := os.ReadFile(filepath.Join(dir, "card", picture))
		if err != nil || !strings.Contains(string(svg), "</svg>") || !strings.Contains(string(card), "("+picture+")") {
			t.Errorf("%s: %v", picture, err)
		}
	}
	for name, want := range map[string]string{"prov.json": "librum:model-" + job.Model.Digest, "in-toto.json": `"sha256": "` + job.Model.Digest} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !json.Valid(b) || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, %.200s", name, err, b)
		}
	}
	d.end(t, syscall.SIGTERM)
	// From the files of the stopped network the same documents come, byte by byte.
	id := after[struct{ ID string }](t, out, "job ").ID
	_, code := output(t, nil, "job", "export", id, "--dir", filepath.Join(dir, "librum-dev"), "--card-folder", filepath.Join(dir, "again"),
		"--provenance", filepath.Join(dir, "again-prov.json"), "--statement", filepath.Join(dir, "again-in-toto.json"))
	if code != 0 {
		t.Fatalf("export from files: exit %d", code)
	}
	for a, b := range map[string]string{"prov.json": "again-prov.json", "in-toto.json": "again-in-toto.json", "card/card.md": "again/card.md", "card/card.json": "again/card.json"} {
		one, errOne := os.ReadFile(filepath.Join(dir, a))
		two, errTwo := os.ReadFile(filepath.Join(dir, b))
		if errOne != nil || errTwo != nil || string(one) != string(two) {
			t.Errorf("%s and %s differ: %v, %v", a, b, errOne, errTwo)
		}
	}
}

// after reads the JSON behind a prefix that begins a line.
func after[T any](t *testing.T, out, prefix string) (value T) {
	t.Helper()
	for line := range strings.SplitSeq(out, "\n") {
		if text, ok := strings.CutPrefix(line, prefix+"{"); ok {
			if err := json.Unmarshal([]byte("{"+text), &value); err != nil {
				t.Fatalf("%s%s: %v", prefix, text, err)
			}
			return value
		}
	}
	t.Fatalf("no line begins with %q:\n%s", prefix, out)
	return value
}
