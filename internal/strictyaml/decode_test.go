package strictyaml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/librum/librum/internal/strictyaml"
)

type file struct {
	Name  string   `yaml:"name"`
	Count int      `yaml:"count"`
	List  []string `yaml:"list"`
}

func Example() {
	var f file
	fmt.Println(strictyaml.Decode([]byte("name: a\ncolour: red\ncount: many\n"), 1000, &f))
	// Output: line 2: field colour is not known here; line 3: cannot unmarshal !!str `many` into int
}

func TestDecode(t *testing.T) {
	t.Parallel()
	f := file{Count: 7}
	if err := strictyaml.Decode([]byte("name: a\nlist: [x, y]\n"), 1000, &f); err != nil || f.Name != "a" || f.Count != 7 || len(f.List) != 2 {
		t.Errorf("got %+v, %v", f, err)
	}
	for text, want := range map[string]string{
		"":                        "empty",
		"- a":                     "want fields",
		"name: a\n---\nname: b":   "one document",
		"name: a\nname: b":        "already defined",
		"name:":                   "value is missing",
		"name: ~":                 "value is missing",
		"list: [a, null]":         "value is missing",
		"name: &x a\nlist: [*x]":  "anchors",
		"<<: {name: a}":           "merge",
		"name: [":                 "not YAML",
		"name: \x00":              "not YAML",
		strings.Repeat("a", 1001): "1001 bytes",
		"list: " + strings.Repeat("[", 17) + strings.Repeat("]", 17): "deeper",
	} {
		var e *strictyaml.Error
		if err := strictyaml.Decode([]byte(text), 1000, &f); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"name: a\nlist: [b]", "? {a: b}\n: c", "!!binary x: y", "a: !!set {b}", "name: \"\\x00\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var into file
		var e *strictyaml.Error
		if err := strictyaml.Decode(b, 1000, &into); err != nil && (!errors.As(err, &e) || len(e.Problems) == 0) {
			t.Errorf("%v is no Error with problems", err)
		}
	})
}

func TestNearest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, want string }{
		{"coutn", "count"}, {"nam", "name"}, {"lists", "list"}, {"colour", ""}, {"x", ""}, {"", ""}, {strings.Repeat("name", 100), ""},
	} {
		if got := strictyaml.Nearest(c.name, []string{"name", "count", "list"}); got != c.want {
			t.Errorf("%.20q: %q, want %q", c.name, got, c.want)
		}
	}
	var f struct {
		Parts []file `yaml:"parts"`
	}
	err := strictyaml.Decode([]byte("parts:\n- {name: a, cuont: 1}\n"), 1000, &f)
	if err == nil || err.Error() != "line 2: field cuont is not known here; did you mean count?" {
		t.Errorf("%v", err)
	}
}
