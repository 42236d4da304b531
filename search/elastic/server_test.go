package elastic_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/librum/librum/search/elastic"
)

// call asks the server as somebody beside Librum would.
func call(t testing.TB, method, path string, body any) (int, string) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		b = nil
	}
	r, err := http.NewRequest(method, server(t)+path, bytes.NewReader(b)) //nolint:noctx // a test may have ended when it tidies up
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	web := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// removeAll removes what stands under a prefix.
func removeAll(t testing.TB, config elastic.Config) {
	t.Helper()
	for _, name := range indices(t, config) {
		if status, text := call(t, http.MethodDelete, "/"+name, nil); status >= http.StatusMultipleChoices {
			t.Errorf("remove %s: %d %s", name, status, text)
		}
	}
	for _, name := range []string{config.Prefix, config.Prefix + "-state"} {
		if status, text := call(t, http.MethodDelete, "/_index_template/"+name, nil); status >= http.StatusMultipleChoices && status != http.StatusNotFound {
			t.Errorf("remove template %s: %d %s", name, status, text)
		}
	}
}

// indices are those under a prefix.
func indices(t testing.TB, config elastic.Config) []string {
	t.Helper()
	_, text := call(t, http.MethodGet, "/_cat/indices/"+config.Prefix+"-*?h=index&expand_wildcards=all", nil)
	return strings.Fields(text)
}
