package lint

import (
	"fmt"
	"go/ast"
	"slices"
)

// pureUnit is a folder whose packages decide and compute only: the same inputs
// give the same outputs, on every node and in every replay.
type pureUnit struct {
	dir     string
	workers bool // may start goroutines whose schedule cannot be seen in the result
}

// pureUnits are the folders that STYLE and ARCHITECTURE.md call pure.
var pureUnits = []pureUnit{
	{dir: "aggregator", workers: true}, // tiles are folded by owned workers; the bits do not depend on their number
	{dir: "api/v1"},
	{dir: "chain/aplos", workers: true}, // the outcome equals the sequential one
	{dir: "chain/contract"},
	{dir: "chain/identity"},
	{dir: "chain/ledger"},
	{dir: "chain/lokka"}, // the shell that steps it is chain/node
	{dir: "fl/card"},
	{dir: "fl/history"},
	{dir: "fl/provenance"},
	{dir: "fl/cohort"},
	{dir: "fl/contract"},
	{dir: "fl/data"},
	{dir: "fl/job"},
	{dir: "fl/policy"},
	{dir: "fl/privacy"},
	{dir: "fl/round"},
	{dir: "search/document"},
}

// impureImports maps packages that do I/O or draw randomness to what a pure
// package takes instead.
var impureImports = map[string]string{
	"crypto/rand":   "take an io.Reader of random bytes as a parameter",
	"io/ioutil":     "take an io.Reader, io.ReaderAt or fs.FS as a parameter",
	"log":           "return the fact; the shell logs it",
	"log/slog":      "return the fact; the shell logs it",
	"math/rand":     "take a *rand.Rand of math/rand/v2 as a parameter",
	"net":           "hand bytes in and out; the shell owns the connection",
	"net/http":      "return a value or an error; api maps it to HTTP",
	"os":            "take an io.Reader, io.ReaderAt or fs.FS as a parameter",
	"os/exec":       "return what is to be done; the shell runs it",
	"os/signal":     "take a context as a parameter",
	"path/filepath": "use path on an fs.FS that is handed in",
	"syscall":       "return what is to be done; the shell does it",
}

// clockCalls are the functions of package time that look at the clock.
var clockCalls = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// ownedRandom are the functions of math/rand/v2 that build a source of one's
// own; every other function draws from the process-wide one.
var ownedRandom = []string{"New", "NewChaCha8", "NewPCG", "NewZipf"}

// checkPure reports clocks, randomness, I/O and goroutines in pure packages.
// Tests and test packages may do as they like.
func checkPure(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.parsed() {
		i := slices.IndexFunc(pureUnits, func(u pureUnit) bool { return within(f.Dir(), u.dir) })
		if i < 0 || f.Test || isTestPackage(f.Dir()) {
			continue
		}
		unit := pureUnits[i]
		report := func(node ast.Node, format string, args ...any) {
			message := unit.dir + " is pure: " + fmt.Sprintf(format, args...)
			findings = append(findings, Finding{Path: f.Path, Line: t.line(node.Pos()), Message: message})
		}
		for _, spec := range f.Syntax.Imports {
			if instead, impure := impureImports[importPath(spec)]; impure {
				report(spec, "instead of importing %s, %s", importPath(spec), instead)
			}
		}
		imports := f.imports()
		ast.Inspect(f.Syntax, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.GoStmt:
				if !unit.workers {
					report(node, "instead of a go statement, return the work; the shell runs it")
				}
			case *ast.CallExpr:
				switch pkg, name := callee(node, imports); {
				case pkg == "time" && slices.Contains(clockCalls, name):
					report(node, "instead of time.%s, take the time or log time as a parameter", name)
				case pkg == "math/rand/v2" && !slices.Contains(ownedRandom, name):
					report(node, "instead of rand.%s, draw from a *rand.Rand parameter", name)
				case pkg == "fmt" && slices.Contains([]string{"Print", "Printf", "Println"}, name):
					report(node, "instead of fmt.%s, return the value; the command prints it", name)
				}
			}
			return true
		})
	}
	return sorted(findings)
}

// callee returns import path and name of a call of the form pkg.Name(…), and
// empty strings for any other call. A local variable that shadows an import is
// taken for the import: rename it, a reader stumbles there too.
func callee(call *ast.CallExpr, imports map[string]string) (pkg, name string) {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	ident, ok := selector.X.(*ast.Ident)
	if !ok || imports[ident.Name] == "" {
		return "", ""
	}
	return imports[ident.Name], selector.Sel.Name
}
