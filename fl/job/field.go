package job

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// field is one entry of the table: a path, what is allowed there, and the
// place in a spec where the value lives.
type field struct {
	name    string
	doc     string
	allowed string
	set     func(t *tree) bool // takes a value of the right type
	ok      func() bool        // reports whether the value is allowed
	value   func() string      // shows the value
}

func integer(name string, at *int64, low, high int64, doc string) field {
	return field{
		name: name, doc: doc, allowed: fmt.Sprintf("a whole number, %d to %d", low, high),
		set: func(t *tree) bool {
			n, ok := t.integer()
			*at = n
			return ok
		},
		ok:    func() bool { return *at >= low && *at <= high },
		value: func() string { return strconv.FormatInt(*at, 10) },
	}
}

func seed(name string, at *uint64, doc string) field {
	return field{
		name: name, doc: doc, allowed: fmt.Sprintf("a whole number, 0 to %d", uint64(MaxSeed)),
		set: func(t *tree) bool {
			n, ok := t.integer()
			*at = uint64(max(n, 0))
			return ok && n >= 0
		},
		ok:    func() bool { return *at <= MaxSeed },
		value: func() string { return strconv.FormatUint(*at, 10) },
	}
}

// real64 allows numbers for which ok holds; NaN and infinities must fail it.
func real64(name string, at *float64, allowed string, ok func(float64) bool, doc string) field {
	return field{
		name: name, doc: doc, allowed: allowed,
		set: func(t *tree) bool {
			x, ok := t.float()
			*at = x
			return ok
		},
		ok:    func() bool { return !math.IsNaN(*at) && ok(*at) },
		value: func() string { return strconv.FormatFloat(*at, 'g', -1, 64) },
	}
}

func choice(name string, at *string, doc string, choices ...string) field {
	return field{
		name: name, doc: doc, allowed: "one of " + strings.Join(choices, ", "),
		set: func(t *tree) bool {
			*at = t.text
			return t.kind == text
		},
		ok:    func() bool { return slices.Contains(choices, *at) },
		value: func() string { return strconv.Quote(shorten(*at)) },
	}
}

func sizes(name string, at *[]int64, doc string) field {
	return field{
		name: name, doc: doc,
		allowed: fmt.Sprintf("2 to %d whole numbers of 1 to %d", MaxLayers, MaxWidth),
		set: func(t *tree) bool {
			*at = nil
			if t.kind != list || len(t.items) > MaxLayers {
				return false
			}
			for i := range t.items {
				n, ok := t.items[i].integer()
				if !ok {
					return false
				}
				*at = append(*at, n)
			}
			return true
		},
		ok: func() bool {
			outside := func(n int64) bool { return n < 1 || n > MaxWidth }
			return len(*at) >= 2 && len(*at) <= MaxLayers && !slices.ContainsFunc(*at, outside)
		},
		value: func() string { return shorten(fmt.Sprint(*at)) },
	}
}
