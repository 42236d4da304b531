package api

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheckOnce(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		`{}`, `[]`, `null`, `"a"`, `{"a":"a","b":{"a":1},"c":[{"a":1},{"a":2},"a","a"]}`, `{"a":{},"b":[],"A":1}`,
		strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000),
	} {
		if err := checkOnce([]byte(good)); err != nil {
			t.Errorf("%.80s: %v", good, err)
		}
	}
	for _, bad := range []string{
		`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `[{"b":[],"a":{"c":1,"c":2}}]`, `{"a":"a","b":"a","a":null}`,
	} {
		if err := checkOnce([]byte(bad)); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzCheckOnce: whatever is JSON is walked to its end, and what an encoder writes has
// no field twice.
func FuzzCheckOnce(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"c"}],"d":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v any
		if json.Unmarshal(b, &v) != nil {
			return
		}
		err := checkOnce(b)
		if err != nil && !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", b, err)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkOnce(again); err != nil {
			t.Errorf("%s: %v", again, err)
		}
	})
}
