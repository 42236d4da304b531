package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Tree is a parsed checkout.
type Tree struct {
	Module string  // the module path, from the root's go.mod
	Files  []*File // source files, sorted by path

	fset  *token.FileSet
	docs  map[string][]byte // Markdown files by path
	names map[string]bool   // every file and folder that was seen
}

// File is one source file. Go files of the root module are parsed; others
// (scripts, Python, nested modules) have a nil Syntax.
type File struct {
	Path      string
	Text      []byte
	Syntax    *ast.File
	Test      bool // a _test.go file
	Generated bool // carries the standard "Code generated … DO NOT EDIT." line
}

// Dir returns the folder of the file, "." for the root.
func (f *File) Dir() string { return path.Dir(f.Path) }

// sourceExtensions are the files whose text the rules look at.
var sourceExtensions = []string{".go", ".py", ".sh", ".ts", ".tsx", ".yml", ".yaml"}

// sourceNames are source files that have no extension.
var sourceNames = []string{"Makefile", ".ci/run"}

// skippedDirs hold what is made, fetched or deliberately wrong.
var skippedDirs = []string{"bin", "demo-data", "dist", "node_modules", "testdata", "vendor", "__pycache__"}

// Load reads and parses the checkout whose root is fsys. It fails when the
// root holds no go.mod or a Go file does not parse.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{fset: token.NewFileSet(), docs: map[string][]byte{}, names: map[string]bool{}}
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("read the module path: %w", err)
	}
	for line := range strings.Lines(string(mod)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			t.Module = strings.TrimSpace(name)
		}
	}
	var nested []string // folders with a go.mod of their own, in walking order
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		t.names[name] = true
		if entry.IsDir() {
			if skipDir(name) || exists(fsys, path.Join(name, "pyvenv.cfg")) {
				return fs.SkipDir
			}
			if name != "." && exists(fsys, path.Join(name, "go.mod")) {
				nested = append(nested, name)
			}
			return nil
		}
		isNested := slices.ContainsFunc(nested, func(dir string) bool { return within(name, dir) })
		return t.add(fsys, name, isNested)
	})
	if err != nil {
		return nil, fmt.Errorf("walk the checkout: %w", err)
	}
	return t, nil
}

// add reads one file if any rule looks at its kind.
func (t *Tree) add(fsys fs.FS, name string, nested bool) error {
	isDoc := path.Ext(name) == ".md"
	if !isDoc && !slices.Contains(sourceNames, name) && !slices.Contains(sourceExtensions, path.Ext(name)) {
		return nil
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if isDoc {
		t.docs[name] = text
		return nil
	}
	f := &File{Path: name, Text: text, Test: strings.HasSuffix(name, "_test.go")}
	if path.Ext(name) == ".go" && !nested {
		f.Syntax, err = parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		f.Generated = ast.IsGenerated(f.Syntax)
	}
	t.Files = append(t.Files, f)
	return nil
}

// skipDir reports whether the walk stays out of the folder.
func skipDir(name string) bool {
	base := path.Base(name)
	hidden := strings.HasPrefix(base, ".") && name != "." && name != ".ci"
	return hidden || slices.Contains(skippedDirs, base)
}

func exists(fsys fs.FS, name string) bool {
	_, err := fs.Stat(fsys, name)
	return err == nil
}

// within reports whether name is dir or lies below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}

// parsed returns the Go files of the root module that people write.
func (t *Tree) parsed() []*File {
	var files []*File
	for _, f := range t.Files {
		if f.Syntax != nil && !f.Generated {
			files = append(files, f)
		}
	}
	return files
}

// packages groups the parsed files by folder; a folder's files keep their order.
func (t *Tree) packages() map[string][]*File {
	byDir := map[string][]*File{}
	for _, f := range t.parsed() {
		byDir[f.Dir()] = append(byDir[f.Dir()], f)
	}
	return byDir
}

// line returns the 1-based line of a position.
func (t *Tree) line(pos token.Pos) int { return t.fset.Position(pos).Line }

// imports maps the local name of each import of the file to its path.
func (f *File) imports() map[string]string {
	names := map[string]string{}
	for _, spec := range f.Syntax.Imports {
		importPath := importPath(spec)
		name := path.Base(importPath)
		if strings.HasPrefix(name, "v") && len(name) < 4 && path.Dir(importPath) != "." {
			name = path.Base(path.Dir(importPath)) // math/rand/v2 is package rand
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = importPath
	}
	return names
}

// importPath returns the unquoted path of an import.
func importPath(spec *ast.ImportSpec) string {
	unquoted, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return unquoted
}
