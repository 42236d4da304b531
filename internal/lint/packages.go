package lint

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// vagueNames say nothing about what a package holds.
var vagueNames = []string{"common", "helper", "helpers", "manager", "managers", "misc", "shared", "util", "utils"}

// checkPackageNames reports packages named after nothing.
func checkPackageNames(t *Tree) []Finding {
	var findings []Finding
	for dir, files := range t.packages() {
		for _, name := range []string{path.Base(dir), files[0].Syntax.Name.Name} {
			if slices.Contains(vagueNames, name) {
				findings = append(findings, Finding{Path: dir, Message: fmt.Sprintf("name the package after the step or type it holds, not %q", name)})
				break
			}
		}
	}
	return sorted(findings)
}

// checkPackageDocs reports packages without a doc.go that carries the package
// comment. A command may carry its comment in any file.
func checkPackageDocs(t *Tree) []Finding {
	var findings []Finding
	for dir, files := range t.packages() {
		code := slices.DeleteFunc(slices.Clone(files), func(f *File) bool { return f.Test })
		if len(code) == 0 {
			continue
		}
		isMain := code[0].Syntax.Name.Name == "main"
		documented := slices.ContainsFunc(code, func(f *File) bool {
			return f.Syntax.Doc.Text() != "" && (isMain || path.Base(f.Path) == "doc.go")
		})
		if !documented {
			findings = append(findings, Finding{Path: dir, Message: "add a doc.go whose package comment says what enters, what leaves and the numbered invariants"})
		}
	}
	return sorted(findings)
}

// checkExamples reports libraries that export something and show no use of it.
// Entry points and test packages are shown by running them.
func checkExamples(t *Tree) []Finding {
	var findings []Finding
	for dir, files := range t.packages() {
		if depth(unitOf(dir)) == 0 || isTestPackage(dir) || files[0].Syntax.Name.Name == "main" {
			continue
		}
		if slices.ContainsFunc(files, exportsAPI) && !slices.ContainsFunc(files, showsExample) {
			findings = append(findings, Finding{Path: dir, Message: "add an example_test.go with a func Example… that compiles and shows the package in use"})
		}
	}
	return sorted(findings)
}

// exportsAPI reports whether a non-test file declares an exported name.
func exportsAPI(f *File) bool {
	return !f.Test && slices.ContainsFunc(f.Syntax.Decls, func(decl ast.Decl) bool {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			return decl.Recv == nil && decl.Name.IsExported()
		case *ast.GenDecl:
			return slices.ContainsFunc(decl.Specs, exportsName)
		}
		return false
	})
}

func exportsName(spec ast.Spec) bool {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		return spec.Name.IsExported()
	case *ast.ValueSpec:
		return slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported)
	}
	return false
}

// showsExample reports whether a test file holds an Example function.
func showsExample(f *File) bool {
	return f.Test && slices.ContainsFunc(f.Syntax.Decls, func(decl ast.Decl) bool {
		fn, ok := decl.(*ast.FuncDecl)
		return ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example")
	})
}
