package lint

import "go/ast"

// checkInit reports init functions: wiring is done by hand, where it can be read.
func checkInit(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.parsed() {
		for _, decl := range f.Syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				findings = append(findings, Finding{
					Path: f.Path, Line: t.line(fn.Pos()),
					Message: "call it from the constructor or from main instead of func init; a test package uses TestMain",
				})
			}
		}
	}
	return sorted(findings)
}

// readFile maps what opens any kind of file, and reads any amount of it, to what
// does not hang on a pipe or fill the memory.
var readFile = map[string]string{
	"ReadFile": "durable.ReadFile, which is bounded and refuses pipes and devices",
	"Open":     "durable.OpenFile, which refuses pipes and devices",
	"OpenFile": "durable.OpenFile, which refuses pipes and devices",
}

// checkReadFile reports files that are opened whatever they are. Tests read what
// they have written.
func checkReadFile(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.parsed() {
		if f.Test || isTestPackage(f.Dir()) || within(f.Dir(), "test") || within(f.Dir(), "internal/durable") {
			continue
		}
		imports := f.imports()
		ast.Inspect(f.Syntax, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			pkg, name := callee(call, imports)
			if instead := readFile[name]; pkg == "os" && instead != "" {
				findings = append(findings, Finding{
					Path: f.Path, Line: t.line(call.Pos()), Message: "instead of os." + name + ", use " + instead,
				})
			}
			return true
		})
	}
	return sorted(findings)
}

// checkSleep reports sleeping tests. Inside a synctest bubble the clock is
// false and sleeping costs nothing, so there it is the way to let time pass.
func checkSleep(t *Tree) []Finding {
	var findings []Finding
	for _, f := range t.parsed() {
		if !f.Test && !isTestPackage(f.Dir()) {
			continue
		}
		imports := f.imports()
		ast.Inspect(f.Syntax, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			pkg, name := callee(call, imports)
			if pkg == "time" && name == "Sleep" {
				findings = append(findings, Finding{
					Path: f.Path, Line: t.line(call.Pos()),
					Message: "wait for the condition on a channel, or run in testing/synctest, instead of time.Sleep",
				})
			}
			return pkg != "testing/synctest"
		})
	}
	return sorted(findings)
}
