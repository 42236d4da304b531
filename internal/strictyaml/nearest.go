package strictyaml

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// fields are the names that each struct has, by the struct's name as the library
// tells it.
type fields map[string][]string

// fieldsOf returns the names of all structs that a type is made of.
func fieldsOf(t reflect.Type) fields {
	all := fields{}
	all.add(t)
	return all
}

func (f fields) add(t reflect.Type) {
	switch t.Kind() { //nolint:exhaustive // the others hold no structs
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		f.add(t.Elem())
	case reflect.Struct:
		if _, seen := f[t.String()]; seen {
			return
		}
		f[t.String()] = nil
		for field := range t.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if name != "" && name != "-" {
				f[t.String()] = append(f[t.String()], name)
			}
			f.add(field.Type)
		}
	}
}

// unknown is how the library says that a struct has no such field.
var unknown = regexp.MustCompile(`field (\S+) not found in type (\S+)`)

// hint names the field that an unknown one was probably meant to be.
func (f fields) hint(text string) string {
	found := unknown.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	if name := Nearest(found[1], f[found[2]]); name != "" {
		return fmt.Sprintf("; did you mean %s?", name)
	}
	return ""
}

// maxName bounds the names that are compared: fields are short.
const maxName = 64

// Nearest returns which of the names was probably meant, or nothing where none is
// near.
func Nearest(name string, of []string) string {
	if len(name) > maxName {
		return ""
	}
	best, nearest := "", 1+len(name)/4
	for _, candidate := range of {
		if d := distance(name, candidate); d <= nearest && (best == "" || d < nearest) {
			best, nearest = candidate, d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters must be put in, taken out or
// changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
