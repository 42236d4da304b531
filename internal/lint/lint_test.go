package lint_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/librum/librum/internal/lint"
)

// TestHouseRules runs every rule over the repository this package stands in.
func TestHouseRules(t *testing.T) {
	t.Parallel()
	tree := load(t, os.DirFS(filepath.Join("..", "..")))
	if len(tree.Files) < 10 {
		t.Fatalf("the walk saw %d source files; it does not see the repository", len(tree.Files))
	}
	for _, rule := range lint.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range rule.Check(tree) {
				t.Error(finding)
			}
		})
	}
}

// TestRulesCanFail runs each rule over its bad fixture, testdata/NAME.txtar: a
// small checkout and a file "want" with the findings, a line each.
func TestRulesCanFail(t *testing.T) {
	t.Parallel()
	for _, rule := range lint.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(filepath.Join("testdata", rule.Name+".txtar"))
			if err != nil {
				t.Fatalf("read the rule's bad fixture: %v", err)
			}
			files, err := txtar.FS(archive)
			if err != nil {
				t.Fatalf("open the fixture as a tree: %v", err)
			}
			want, err := fs.ReadFile(files, "want")
			if err != nil || len(want) == 0 {
				t.Fatalf("the fixture names no finding (error %v); a rule that cannot fail is worth nothing", err)
			}
			var got strings.Builder
			for _, finding := range rule.Check(load(t, files)) {
				got.WriteString(finding.String() + "\n")
			}
			if got.String() != string(want) {
				t.Errorf("findings differ\ngot:\n%swant:\n%s", got.String(), want)
			}
		})
	}
}

func load(t *testing.T, fsys fs.FS) *lint.Tree {
	t.Helper()
	tree, err := lint.Load(fsys)
	if err != nil {
		t.Fatalf("load the tree: %v", err)
	}
	return tree
}
