package job

import (
	"encoding/hex"
	"fmt"
	"math"
	"path"
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

// digest allows a SHA-256 in hexadecimal digits, or nothing.
func digest(name string, at *string, doc string) field {
	return field{
		name: name, doc: doc, allowed: "64 hexadecimal digits in lower case, or left out",
		set: func(t *tree) bool {
			*at = t.text
			return t.kind == text
		},
		ok: func() bool {
			b, err := hex.DecodeString(*at)
			return *at == "" || err == nil && len(b) == 32 && strings.ToLower(*at) == *at
		},
		value: func() string { return strconv.Quote(shorten(*at)) },
	}
}

// patterns allows patterns of tensor names as [path.Match] reads them.
func patterns(name string, at *[]string, doc string) field {
	return field{
		name: name, doc: doc, allowed: fmt.Sprintf("at most %d patterns of 1 to %d bytes, such as layer0.*", MaxPatterns, MaxPattern),
		set: func(t *tree) bool {
			*at = nil
			if t.kind != list || len(t.items) > MaxPatterns {
				return false
			}
			for _, item := range t.items {
				if item.kind != text {
					return false
				}
				*at = append(*at, item.text)
			}
			return true
		},
		ok: func() bool {
			bad := func(pattern string) bool {
				_, err := path.Match(pattern, "")
				return err != nil || pattern == "" || len(pattern) > MaxPattern
			}
			return len(*at) <= MaxPatterns && !slices.ContainsFunc(*at, bad)
		},
		value: func() string { return shorten(fmt.Sprintf("%q", *at)) },
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
