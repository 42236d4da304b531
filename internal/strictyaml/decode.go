package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds how deep a document nests.
const maxDepth = 16

// Error lists everything that is wrong with a document.
type Error struct{ Problems []string }

func (e *Error) Error() string { return strings.Join(e.Problems, "; ") }

func problem(format string, args ...any) *Error {
	return &Error{Problems: []string{fmt.Sprintf(format, args...)}}
}

// Decode reads one document of at most limit bytes into the struct that into
// points to. What the document leaves out keeps its value. Every error is an
// [*Error].
func Decode(b []byte, limit int, into any) error {
	if len(b) > limit {
		return problem("%d bytes, at most %d are allowed", len(b), limit)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var root, next yaml.Node
	if err := d.Decode(&root); errors.Is(err, io.EOF) {
		return problem("the document is empty")
	} else if err != nil {
		return problem("not YAML: %s", plain(err.Error()))
	}
	if err := d.Decode(&next); !errors.Is(err, io.EOF) {
		return problem("line %d: one document is allowed", next.Line)
	}
	if root.Content[0].Kind != yaml.MappingNode {
		return problem("line %d: want fields with values", root.Content[0].Line)
	}
	if err := check(root.Content[0], 0); err != nil {
		return err
	}
	d = yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	err := d.Decode(into)
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		e, known := &Error{}, fieldsOf(reflect.TypeOf(into))
		for _, p := range several.Errors {
			e.Problems = append(e.Problems, plain(p)+known.hint(p))
		}
		return e
	}
	if err != nil {
		return problem("%s", plain(err.Error()))
	}
	return nil
}

// check refuses what no honest file needs.
func check(n *yaml.Node, depth int) error {
	switch {
	case depth > maxDepth:
		return problem("line %d: nested deeper than %d levels", n.Line, maxDepth)
	case n.Anchor != "" || n.Kind == yaml.AliasNode || n.ShortTag() == "!!merge":
		return problem("line %d: anchors, aliases and merge keys are not allowed", n.Line)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return problem("line %d: a value is missing", n.Line)
	}
	for _, c := range n.Content {
		if err := check(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// typeName is how the library speaks of Go's types, which mean nothing to
// whoever wrote the file.
var typeName = regexp.MustCompile(`(not found) in type \S+`)

func plain(text string) string {
	return strings.TrimPrefix(typeName.ReplaceAllString(text, "is not known here"), "yaml: ")
}
