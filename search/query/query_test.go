package query_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/query"
	"github.com/librum/librum/search/searchtest"
)

func TestParse(t *testing.T) {
	t.Parallel()
	schema := searchtest.Schema(t)
	for text, want := range map[string]string{
		"":                                      "*",
		"Hello":                                 `"hello"`,
		"hello world":                           `"hello" AND "world"`,
		"a OR b c":                              `"a" OR ("b" AND "c")`,
		"NOT (a OR b)":                          `NOT ("a" OR "b")`,
		"-code:ok":                              `NOT code:"ok"`,
		`"Two  words"`:                          `"two words"`,
		"mod*":                                  `"mod"*`,
		"text:mod*":                             `text:"mod"*`,
		"job:ab12*":                             `job:"ab12"*`,
		"job:*":                                 "job:*",
		"height>=5":                             "height:[5 TO *]",
		"height<5":                              "height:[* TO 5}",
		"height:{1 TO 5]":                       "height:{1 TO 5]",
		"round:-1":                              "round:-1",
		"time>2026-01-31":                       "time:{1769817600000 TO *]",
		"time:[2026-01-31T10:00:00Z TO *]":      "time:[1769853600000 TO *]",
		"balance:35000000000000000000000000000": `balance:"35000000000000000000000000000"`,
		"accuracy>0.5":                          "accuracy:{0.5 TO *]",
		`sender:"a\"b\\c"`:                      `sender:"a\"b\\c"`,
		"public:true AND * AND and":             `public:true AND * AND "and"`,
		"((a))":                                 `"a"`,
	} {
		n, err := query.Parse(text, schema)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := query.String(n); got != want {
			t.Errorf("%s is read as %s, want %s", text, got, want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	schema := searchtest.Schema(t)
	for text, want := range map[string]struct {
		at       int
		expected string
	}{
		"héight:5":                       {1, "a field"},
		"a AND":                          {6, "a field, a word"},
		"a OR OR b":                      {6, "a term"},
		"(a":                             {3, "AND, OR, NOT or )"},
		"a)":                             {2, "AND, OR, NOT or the end"},
		`é "open`:                        {8, `" at the end`},
		"height:x":                       {8, "a whole number"},
		"height:[1 TO 2":                 {15, "] or }"},
		"height:[1 2]":                   {11, "TO"},
		"height:[* TO *]":                {8, "a bound"},
		"height:1*":                      {8, "a whole value"},
		"time:yesterday":                 {6, "a time"},
		"accuracy:NaN":                   {10, "a number"},
		"balance:1.5":                    {9, "an amount"},
		"public:yes":                     {8, "true or false"},
		"roles>a":                        {7, "no order"},
		"text>a":                         {6, "words"},
		"a*":                             {1, "at least 2 characters"},
		"job:a*":                         {5, "at least 2 characters"},
		"...":                            {1, "letters or digits"},
		"height = 5":                     {8, "a field"},
		strings.Repeat("(", 40) + "a":    {33, "at most 32 levels"},
		strings.Repeat("NOT ", 40) + "a": {129, "at most 32 levels"},
		strings.Repeat("a ", 101):        {201, "at most 100 terms"},
		strings.Repeat("a", 5000):        {1, "at most 4096 bytes"},
		"a\xff":                          {1, "UTF-8"},
	} {
		_, err := query.Parse(text, schema)
		var syntax *query.SyntaxError
		if !errors.As(err, &syntax) || syntax.Position != want.at || !strings.HasPrefix(syntax.Expected, want.expected) {
			t.Errorf("%.50s: %v, want character %d, expected %s…", text, err, want.at, want.expected)
		}
	}
}

// Invariant 1: what a tree is written as is read as that tree.
func TestStringIsParsedToTheTree(t *testing.T) {
	t.Parallel()
	schema := searchtest.Schema(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		n := searchtest.Tree(r, schema, 4)
		text := query.String(n)
		again, err := query.Parse(text, schema)
		if err != nil {
			rt.Fatalf("%s: %v", text, err)
		}
		if !reflect.DeepEqual(again, n) {
			rt.Fatalf("%s is read as %s:\n%#v\nwant\n%#v", text, query.String(again), again, n)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a AND b", `text:"x y"* OR height:[1 TO 2}`, "-time>=2026-01-31 job:ab*", "balance:[0 TO 115792089237316195423570985008687907853269984665640564039457584007913129639935]"} {
		f.Add(s)
	}
	schema := searchtest.Schema(f)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := query.Parse(text, schema)
		if err != nil {
			if _, ok := errors.AsType[*query.SyntaxError](err); !ok {
				t.Fatalf("%q: %v is no syntax error", text, err)
			}
			return
		}
		again, err := query.Parse(query.String(n), schema)
		if err != nil {
			// Writing it out may take more bytes and brackets than are allowed.
			if len(query.String(n)) > query.MaxBytes || strings.Contains(err.Error(), "levels") || strings.Contains(err.Error(), "terms") {
				return
			}
			t.Fatalf("%q is written as %s: %v", text, query.String(n), err)
		}
		if query.String(again) != query.String(n) {
			t.Fatalf("%q is written as %s and read as %s", text, query.String(n), query.String(again))
		}
	})
}

func TestHighlights(t *testing.T) {
	t.Parallel()
	schema := searchtest.Schema(t)
	d := document.Document{Fields: document.Values{document.FieldText: "<b>Transfer</b> of \u202etokens; transfer again"}}
	n, err := query.Parse(`transfer tok* NOT again`, schema)
	if err != nil {
		t.Fatal(err)
	}
	got := query.Highlights(n, &d, schema)
	want := []query.Highlight{{Field: document.FieldText, Parts: []query.Part{
		{Text: "<b>"},
		{Text: "Transfer", Match: true},
		{Text: "</b> of \u202e"},
		{Text: "tokens", Match: true},
		{Text: "; "},
		{Text: "transfer", Match: true},
		{Text: " again"},
	}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("highlights %+v\nwant %+v", got, want)
	}
}
