package lint

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"strings"
)

// threatModel is the page whose rows name the test that shows each threat.
const threatModel = "docs/threat-model.md"

// stride are the kinds of threats: spoofing, tampering, repudiation,
// information disclosure, denial of service, elevation of privilege
// (Shostack, Threat Modeling, 2014).
const stride = "STRIDE"

var (
	threatTest = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	// namedTests are tests with their package: TestA, TestB in `dir`.
	namedTests = regexp.MustCompile("((?:(?:Test|Fuzz)[A-Z]\\w*(?:, )?)+) (?:in|of) `([^`]+)`")
)

// checkThreats reports rows of the threat model without a kind, and tests that
// it names and that do not exist, or not there.
func checkThreats(t *Tree) []Finding {
	text, ok := t.docs[threatModel]
	if !ok {
		return nil
	}
	homes := t.testFunctions()
	var findings []Finding
	n, rows := 0, false // rows: of a table of threats
	for line := range strings.Lines(string(text)) {
		n++
		report := func(format string, args ...any) {
			findings = append(findings, Finding{Path: threatModel, Line: n, Message: fmt.Sprintf(format, args...)})
		}
		for _, name := range threatTest.FindAllString(line, -1) {
			if homes[name] == nil {
				report("there is no %s; name the test that shows the threat, or – where none does", name)
			}
		}
		for _, named := range namedTests.FindAllStringSubmatch(line, -1) {
			for _, name := range threatTest.FindAllString(named[1], -1) {
				if homes[name] != nil && !homes[name][named[2]] {
					report("%s is not in %s; name the package that holds it", name, named[2])
				}
			}
		}
		first, isRow := firstCell(line)
		switch {
		case !isRow:
			rows = false
		case first == stride:
			rows = true
		case first != "" && strings.Trim(first, "-") == "": // the rule below the head
		case rows && !isKinds(first):
			report("the row begins with %q; begin it with its kinds, letters of %s in that order", first, stride)
		}
	}
	return sorted(findings)
}

// firstCell returns the first cell of a table's row.
func firstCell(line string) (string, bool) {
	rest, ok := strings.CutPrefix(line, "|")
	if !ok {
		return "", false
	}
	cell, _, ok := strings.Cut(rest, "|")
	return strings.TrimSpace(cell), ok
}

// isKinds reports whether the cell is letters of STRIDE in their order.
func isKinds(cell string) bool {
	at := -1
	for _, letter := range cell {
		i := strings.IndexRune(stride, letter)
		if i <= at {
			return false
		}
		at = i
	}
	return cell != ""
}

// testFunctions returns the folders that hold each test and fuzz target.
func (t *Tree) testFunctions() map[string]map[string]bool {
	homes := map[string]map[string]bool{}
	for _, f := range t.Files {
		if !f.Test || f.Syntax == nil {
			continue
		}
		for _, d := range f.Syntax.Decls {
			function, ok := d.(*ast.FuncDecl)
			if !ok || function.Recv != nil || !threatTest.MatchString(function.Name.Name) {
				continue
			}
			if homes[function.Name.Name] == nil {
				homes[function.Name.Name] = map[string]bool{}
			}
			homes[function.Name.Name][path.Dir(f.Path)] = true
		}
	}
	return homes
}
