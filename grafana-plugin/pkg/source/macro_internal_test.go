package source

import (
	"strings"
	"testing"
)

func TestMacros(t *testing.T) {
	t.Parallel()
	const times = "time:[1800000000000 TO 1800000600000]"
	for _, c := range []struct{ query, field, want string }{
		{"", "", times},
		{"  ", "created", "created:[1800000000000 TO 1800000600000]"},
		{"kind:job", "", "(kind:job) AND " + times},
		{"a OR b", "none", "a OR b"},
		{"kind:job $__timeFilter", "", "kind:job " + times},
		{"$__timeFilter(created) OR x", "", "created:[1800000000000 TO 1800000600000] OR x"},
		{"time>=$__timeFrom time<$__timeTo", "none", "time>=1800000000000 time<1800000600000"},
		{"duration_ms>$__interval_ms $__interval", "none", "duration_ms>10000 10000ms"},
		{`$__in(job, "a", b)`, "none", `(job:"a" OR job:"b")`},
		{`$__in(text, "a, \"b\" \\ )", "c")`, "none", `(text:"a, \"b\" \\ )" OR text:"c")`},
		{`"$__timeFrom and \" $__in(" $__timeFrom`, "none", `"$__timeFrom and \" $__in(" 1800000000000`},
		{`"no end $__x`, "none", `"no end $__x`},
	} {
		got, err := narrowed(c.query, c.field, panel(`{}`))
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.query, got, err, c.want)
		}
	}
	for query, want := range map[string]string{
		"$__nothing":             "want $__timeFilter",
		"$__timeFrom(x)":         "want $__timeFilter",
		"$__in(job)":             "no values",
		"$__in":                  "want $__timeFilter",
		"$__in(job, a":           "without its )",
		"$__timeFilter(a, b)":    "want $__timeFilter",
		"kind:job AND $__in(x,)": "no values",
	} {
		_, err := narrowed(query, "", panel(`{}`))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", query, err, want)
		}
		if c := causeOf(err); c.source != "downstream" || c.status != 400 {
			t.Errorf("%s: %+v, want the asker's fault", query, c)
		}
	}
}

// FuzzMacros holds that whatever is written, expansion ends, leaves what is no
// macro as it was, and that what variables hold stays inside its quotes.
func FuzzMacros(f *testing.F) {
	for _, seed := range []string{"kind:job", "$__in(a, b)", `"\`, "$__", `$__in(a,"`, "$__timeFilter()", "é$__timeFrom\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := narrowed(text, noTimeField, panel(`{}`))
		if err == nil && !strings.Contains(text, "$__") && got != strings.TrimSpace(text) {
			t.Errorf("%q became %q", text, got)
		}
		inside := quoted(text)
		if quotedLength(inside) != len(inside) || unquoted(inside) != text {
			t.Errorf("%q in quotes is %q", text, inside)
		}
	})
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	a := panel(`{}`)
	for wanted, want := range map[string]string{"": "10000ms", "auto": "10000ms", "$__interval": "10000ms", "1m": "60000ms", "2h": "7200000ms"} {
		got, err := step(wanted, a, 1)
		if err != nil || interval(got) != want {
			t.Errorf("%q: %v, %v, want %s", wanted, got, err, want)
		}
	}
	a.query.MaxDataPoints = 7 // ten minutes have no room for more
	if got, err := step("", a, 1); err != nil || interval(got) != "120000ms" {
		t.Errorf("seven points: %v, %v", got, err)
	}
	a.query.MaxDataPoints, a.query.Interval = 1e6, 0
	if got, err := step("", a, 1000); err != nil || int64(a.duration()/got)*1000 > mostBuckets {
		t.Errorf("a thousand groups: %v, %v: more points than the node gives", got, err)
	}
	for _, wanted := range []string{"1", "s", "0s", "-1s", "1y", "99999999999s", "1ms", "ms"} {
		if _, err := step(wanted, a, 1); err == nil {
			t.Errorf("%q: no error", wanted)
		}
	}
}
