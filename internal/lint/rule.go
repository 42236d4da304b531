package lint

import (
	"cmp"
	"fmt"
	"slices"
)

// Finding is one place where a house rule is broken.
type Finding struct {
	Path    string // slash-separated, relative to the repository's root
	Line    int    // 1-based; 0 when the finding concerns the file or folder as a whole
	Message string // what is wrong and what to write instead
}

// String renders the finding the way compilers do, so that editors can jump to it.
func (f Finding) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.Path, f.Message)
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Message)
}

// Rule is one house rule.
type Rule struct {
	Name  string // also the name of its bad fixture in testdata
	Check func(*Tree) []Finding
}

// Rules returns every house rule, sorted by name.
func Rules() []Rule {
	return []Rule{
		{"docs-paths", checkDocPaths},
		{"error-text", checkErrorText},
		{"example", checkExamples},
		{"file-size", checkFileSize},
		{"init", checkInit},
		{"layers", checkLayers},
		{"package-doc", checkPackageDocs},
		{"package-name", checkPackageNames},
		{"promises", checkPromises},
		{"pure", checkPure},
		{"read-file", checkReadFile},
		{"sleep", checkSleep},
		{"threats", checkThreats},
	}
}

// sorted puts findings into the order of paths, lines and messages.
func sorted(findings []Finding) []Finding {
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Message, b.Message))
	})
	return findings
}
