package data

import (
	"fmt"
	"math"
	"slices"

	"github.com/librum/librum/internal/strictyaml"
)

// Bounds of a schema.
const (
	MaxSchemaBytes = 1 << 20
	MaxValues      = 4_096 // of one category
	maxName        = 256   // bytes of a column's name or a category's value
)

// The types of columns.
const (
	TypeNumber   = "number"   // a decimal number in [Min, Max]; one feature; as label, the target of regression
	TypeInteger  = "integer"  // the same without a fraction; as label, class value-Min
	TypeCategory = "category" // one of Values; a feature each (one-hot), as label the class
)

// Schema says which columns of a table are used, and what may stand in them.
// Columns that are not listed are never looked at. The order of the features is
// that of the schema, so that peers whose files differ in order agree.
type Schema struct {
	Columns []Column `yaml:"columns"`
}

// Column is one column of a table.
type Column struct {
	Name     string   `yaml:"name"` // as the header line has it
	Type     string   `yaml:"type"` // one of the Type constants
	Min      *float64 `yaml:"min"`  // of numbers and integers; Min and Max are mapped to -1 and 1
	Max      *float64 `yaml:"max"`
	Values   []string `yaml:"values"`   // of categories
	Required bool     `yaml:"required"` // an empty cell is refused, not taken for the middle of the range or for no category
}

// ParseSchema reads a schema from YAML. Every problem is reported at once; the
// error wraps ErrInvalid.
func ParseSchema(b []byte) (Schema, error) {
	var s Schema
	if err := strictyaml.Decode(b, MaxSchemaBytes, &s); err != nil {
		return Schema{}, fmt.Errorf("schema: %w: %w", err, ErrInvalid)
	}
	if problems := s.problems(); len(problems) > 0 {
		return Schema{}, fmt.Errorf("schema: %w: %w", &strictyaml.Error{Problems: problems}, ErrInvalid)
	}
	return s, nil
}

func (s *Schema) problems() []string {
	var problems []string
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if n := len(s.Columns); n < 2 || n > MaxColumns {
		say("columns: %d of them, want 2 to %d, the label among them", n, MaxColumns)
	}
	seen := map[string]bool{}
	for i, c := range s.Columns {
		where := fmt.Sprintf("columns[%d] %.40q", i, c.Name)
		if c.Name == "" || len(c.Name) > maxName {
			say("%s: name has %d bytes, want 1 to %d", where, len(c.Name), maxName)
		}
		if seen[c.Name] {
			say("%s: listed twice", where)
		}
		seen[c.Name] = true
		switch c.Type {
		case TypeNumber, TypeInteger:
			c.numberProblems(where, say)
		case TypeCategory:
			c.categoryProblems(where, say)
		default:
			say("%s: type is %.24q, want %s, %s or %s", where, c.Type, TypeNumber, TypeInteger, TypeCategory)
		}
	}
	return problems
}

func (c *Column) numberProblems(where string, say func(string, ...any)) {
	if len(c.Values) > 0 {
		say("%s: values are for categories", where)
	}
	if c.Min == nil || c.Max == nil || !(*c.Min < *c.Max) || math.IsInf(*c.Max-*c.Min, 0) {
		say("%s: min and max must be given, min below max, both finite", where)
		return
	}
	if c.Type == TypeInteger && (*c.Min != math.Trunc(*c.Min) || *c.Max != math.Trunc(*c.Max) || math.Abs(*c.Min) > 1<<53 || math.Abs(*c.Max) > 1<<53) {
		say("%s: min and max must be whole numbers within ±2^53", where)
	}
}

func (c *Column) categoryProblems(where string, say func(string, ...any)) {
	if c.Min != nil || c.Max != nil {
		say("%s: min and max are for numbers", where)
	}
	if n := len(c.Values); n < 2 || n > MaxValues {
		say("%s: %d values, want 2 to %d", where, n, MaxValues)
	}
	sorted := slices.Sorted(slices.Values(c.Values))
	if len(slices.Compact(sorted)) != len(c.Values) {
		say("%s: a value is listed twice", where)
	}
	if slices.ContainsFunc(c.Values, func(v string) bool { return v == "" || len(v) > maxName }) {
		say("%s: a value has no bytes or more than %d", where, maxName)
	}
}

// features returns how many features a column becomes.
func (c *Column) features() int {
	if c.Type == TypeCategory {
		return len(c.Values)
	}
	return 1
}

// Labels returns the names of the classes of a column; one, the column's, where
// it has none.
func (s *Schema) Labels(column string) []string {
	i := slices.IndexFunc(s.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 || s.Columns[i].classes() == 0 {
		return []string{column}
	}
	c := s.Columns[i]
	if c.Type == TypeCategory {
		return slices.Clone(c.Values)
	}
	var names []string
	for n := range c.classes() {
		names = append(names, fmt.Sprint(*c.Min+float64(n)))
	}
	return names
}

// classes returns how many classes a column has as the label, 0 where it can't
// be one.
func (c *Column) classes() int {
	switch c.Type {
	case TypeCategory:
		return len(c.Values)
	case TypeInteger:
		if n := *c.Max - *c.Min + 1; n <= MaxClasses {
			return int(n)
		}
	}
	return 0
}
