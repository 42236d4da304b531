package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/librum/librum/api"
)

// Every code that a contract of ours can end with has its place in the table.
func TestEveryCodeOfTheLedgerIsAProblem(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, kind := range api.Problems() {
		known[kind.Code] = true
	}
	found := 0
	for _, dir := range []string{"../chain/contract", "../fl/contract"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			for _, code := range codesIn(file) {
				found++
				if !known[code] {
					t.Errorf("%s has code %q, which the table of problems lacks", path, code)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 20 {
		t.Errorf("only %d codes found; do they still have the type ledger.Code?", found)
	}
}

// codesIn returns the constants of type ledger.Code.
func codesIn(file *ast.File) []string {
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind, ok := spec.Type.(*ast.SelectorExpr)
		if !ok || kind.Sel.Name != "Code" {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				if code, err := strconv.Unquote(literal.Value); err == nil {
					codes = append(codes, code)
				}
			}
		}
		return true
	})
	return codes
}
