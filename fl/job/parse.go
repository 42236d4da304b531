package job

import (
	"strconv"
	"strings"
)

// ParseJSON reads a spec from JSON: what it leaves out is taken from
// [Defaults]. Every problem is reported at once, as a [*SpecError].
func ParseJSON(b []byte) (Spec, error) { return parse(b, parseJSON) }

// ParseYAML reads a spec from YAML as [ParseJSON] does from JSON.
func ParseYAML(b []byte) (Spec, error) { return parse(b, parseYAML) }

func parse(b []byte, format func([]byte) (tree, error)) (Spec, error) {
	if len(b) > MaxBytes {
		return Spec{}, document("%d bytes; at most %d are allowed", len(b), MaxBytes)
	}
	t, err := format(b)
	if err != nil {
		return Spec{}, err
	}
	if t.kind != object {
		return Spec{}, document("%s; a job spec is an object", t.String())
	}
	s := Defaults()
	r := reader{fields: map[string]field{}, seen: map[string]bool{}, wrong: map[string]bool{}}
	for _, f := range s.fields() {
		r.fields[f.name] = f
	}
	r.read("", &t)
	if !r.seen["min_available_peers"] {
		s.MinAvailablePeers = s.MinTrainPeers
		r.wrong["min_available_peers"] = r.wrong["min_train_peers"] || s.MinTrainPeers < 1 || s.MinTrainPeers > MaxPeers
	}
	problems := append(r.problems, s.problems(r.wrong)...)
	if len(problems) > 0 {
		return Spec{}, &SpecError{Problems: problems}
	}
	s.Strategy.complete()
	return s, nil
}

// reader puts the members of a document where the table says.
type reader struct {
	fields   map[string]field
	seen     map[string]bool
	wrong    map[string]bool // fields of which a problem was reported
	problems []Problem
}

func (r *reader) read(path string, t *tree) {
	for i := range t.members {
		m := &t.members[i]
		if m.name == "" || strings.Contains(m.name, ".") { // a dot in a name is no path
			r.refuse(path+strconv.Quote(shorten(m.name)), "", "no such field")
			continue
		}
		r.member(path+m.name, &m.value)
	}
}

func (r *reader) member(path string, value *tree) {
	f, known := r.fields[path]
	group := r.group(path)
	switch {
	case !known && !group:
		r.refuse(path, "", "no such field")
	case r.seen[path]:
		r.refuse(path, "", "given twice")
	case known && !f.set(value):
		r.refuse(path, value.String(), f.allowed)
	case group && value.kind != object:
		r.refuse(path, value.String(), "an object")
	case group:
		r.read(path+".", value)
	}
	r.seen[path] = true
}

// group reports whether path holds fields: "train" holds "train.batch_size".
func (r *reader) group(path string) bool {
	for name := range r.fields {
		if strings.HasPrefix(name, path+".") {
			return true
		}
	}
	return false
}

func (r *reader) refuse(path, value, allowed string) {
	r.wrong[path] = true
	r.problems = append(r.problems, Problem{Field: shorten(path), Value: value, Allowed: allowed})
}
