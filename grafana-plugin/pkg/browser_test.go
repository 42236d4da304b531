package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

// TestEditorsInABrowser uses the editors in a real Chromium, which ask the built
// back end about a node that trained, and asks the queries that they make. It
// wants LIBRUM_TEST_CHROMIUM, and keeps pictures in LIBRUM_TEST_PICTURES.
func TestEditorsInABrowser(t *testing.T) {
	t.Parallel()
	chromium := os.Getenv("LIBRUM_TEST_CHROMIUM")
	if chromium == "" {
		t.Skip("LIBRUM_TEST_CHROMIUM names no Chromium")
	}
	n, b := startNetwork(t), startPlugin(t)
	n.train(t, "picked", 2)
	at := settings(n.url, n.token, `{}`)
	page := serveHarness(t, b, at)
	pictures := os.Getenv("LIBRUM_TEST_PICTURES")
	if pictures == "" {
		pictures = t.TempDir()
	}
	drive := exec.CommandContext(t.Context(), "node", "browser/drive.mjs", page, chromium, pictures)
	drive.Dir = ".."
	var said bytes.Buffer
	drive.Stderr = &said
	out, err := drive.Output()
	if err != nil {
		t.Fatalf("drive the browser: %v\n%s", err, said.Bytes())
	}
	queries := map[string]json.RawMessage{}
	if err := json.Unmarshal(out, &queries); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"blocks", "search", "aggregate", "training", "health"} {
		rows := 0
		for _, f := range frames(t, b.ask(t, at, kind, string(queries[kind]))) {
			rows += f.Rows()
		}
		picture, err := os.Stat(filepath.Join(pictures, kind+".png"))
		if rows == 0 || err != nil || picture.Size() < 1_000 {
			t.Errorf("%s: %d rows for %s; picture %v, %v", kind, rows, queries[kind], picture, err)
		}
	}
}

// serveHarness bundles the page of the editors and serves it with the back end's
// resources under Grafana's paths.
func serveHarness(t *testing.T, b *backEnd, at *pluginv2.PluginContext) string {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "harness.js")
	esbuild := exec.CommandContext(t.Context(), "node_modules/.bin/esbuild", "browser/harness.tsx", "--bundle", "--minify", "--outfile="+bundle,
		"--jsx=automatic", `--define:process.env.NODE_ENV="production"`, "--loader:.svg=dataurl", "--loader:.ttf=dataurl", "--log-level=error")
	esbuild.Dir = ".."
	if out, err := esbuild.CombinedOutput(); err != nil {
		t.Fatalf("bundle the page: %v\n%s", err, out)
	}
	const prefix = "/api/datasources/uid/librum/resources/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /harness.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, bundle) })
	mux.HandleFunc("GET "+prefix, func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, prefix)
		stream, err := b.resources.CallResource(r.Context(), &pluginv2.CallResourceRequest{
			PluginContext: at, Method: r.Method, Path: path, Url: path + "?" + r.URL.RawQuery,
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		answer, err := stream.Recv()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(answer.Code))
		_, _ = w.Write(answer.Body)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!doctype html><meta charset="utf-8"><body style="background:#111217;color:#ccc;font-family:sans-serif"><div id="root"></div><script src="/harness.js"></script>`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL + "/"
}
