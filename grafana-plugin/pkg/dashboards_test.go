package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/librum/librum/grafana-plugin/pkg/source"
)

// dashboard is what this test reads of one.
type dashboard struct {
	UID    string
	Title  string
	Panels []struct {
		Title   string
		Targets []map[string]any
	}
	Annotations struct {
		List []struct {
			Name   string
			Target map[string]any
		}
	}
}

// metricName is a series of the node in an expression of Prometheus.
var metricName = regexp.MustCompile(`librum_[a-z_]+`)

// TestDashboards asks every query of the dashboards that the plug-in brings of a
// node that has trained, and wants rows.
func TestDashboards(t *testing.T) {
	t.Parallel()
	n, b := startNetwork(t), startPlugin(t)
	id := n.train(t, "shown", 2)
	n.transfer(t, 7)
	n.settle(t)
	at := settings(n.url, n.token, `{}`)
	series := n.metrics(t)
	paths, err := filepath.Glob("../src/dashboards/*.json")
	if err != nil || len(paths) != 3 {
		t.Fatalf("%d dashboards, %v, want 3", len(paths), err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		var d dashboard
		readJSON(t, path, &d)
		if d.UID == "" || seen[d.UID] || len(d.Panels) == 0 {
			t.Errorf("%s: uid %q, %d panels", path, d.UID, len(d.Panels))
		}
		seen[d.UID] = true
		ask := func(title string, target map[string]any) {
			t.Helper()
			kind, _ := target["queryType"].(string)
			if expr, ok := target["expr"].(string); ok {
				for _, name := range metricName.FindAllString(expr, -1) {
					if !series[name] {
						t.Errorf("%s, %s: the node has no %s", path, title, name)
					}
				}
				return
			}
			raw, err := json.Marshal(target)
			if err != nil {
				t.Fatal(err)
			}
			form := strings.ReplaceAll(string(raw), "$job", id.String())
			rows := 0
			for _, f := range frames(t, b.ask(t, at, kind, form)) {
				rows += f.Rows()
			}
			if rows == 0 {
				t.Errorf("%s, %s: no rows", path, title)
			}
		}
		for _, p := range d.Panels {
			if len(p.Targets) == 0 {
				t.Errorf("%s, %s asks nothing", path, p.Title)
			}
			for _, target := range p.Targets {
				ask(p.Title, target)
			}
		}
		for _, a := range d.Annotations.List {
			if a.Target != nil {
				ask("annotation "+a.Name, a.Target)
			}
		}
	}
}

// metrics are the names of the node's series.
func (n *network) metrics(t *testing.T) map[string]bool {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+n.token)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("metrics: %d, %v", response.StatusCode, err)
	}
	names := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if name := metricName.FindString(line); strings.HasPrefix(line, name) {
			names[name] = true
		}
	}
	return names
}

func readJSON(t *testing.T, path string, to any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, to); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestManifest holds rules of Grafana's plug-in validator that need no network. The
// build's own files are looked at by tools/test-grafana.sh.
func TestManifest(t *testing.T) {
	t.Parallel()
	var m struct {
		Type, ID, Name                                           string
		Backend, Alerting, Streaming, Metrics, Logs, Annotations bool
		Info                                                     struct {
			Description, Version, Updated string
			Author                        struct{ Name string }
			Keywords                      []string
			Logos                         struct{ Small, Large string }
			Links                         []struct{ URL string }
		}
		Dependencies struct{ GrafanaDependency string }
	}
	readJSON(t, "../src/plugin.json", &m)
	if m.Type != "datasource" || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)?-datasource$`).MatchString(m.ID) || m.Name == "" ||
		m.Info.Description == "" || m.Info.Author.Name == "" || len(m.Info.Keywords) == 0 || len(m.Info.Links) == 0 ||
		m.Info.Version != "%VERSION%" || m.Info.Updated != "%TODAY%" || m.Dependencies.GrafanaDependency != ">=10.4.0" {
		t.Errorf("plugin.json: %+v", m)
	}
	if !m.Backend || !m.Alerting || !m.Streaming || !m.Metrics || !m.Logs || !m.Annotations {
		t.Errorf("plugin.json does not say all that the back end does: %+v", m)
	}
	for _, logo := range []string{m.Info.Logos.Small, m.Info.Logos.Large} {
		b, err := os.ReadFile(filepath.Join("../src", logo))
		if err != nil || strings.Contains(string(b), "<script") || strings.Contains(string(b), "href") {
			t.Errorf("logo %s: %v, or it holds more than a drawing", logo, err)
		}
	}
	for _, path := range []string{"../LICENSE", "../CHANGELOG.md", "../src/README.md"} {
		if b, err := os.ReadFile(path); err != nil || len(b) < 100 {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	sources, err := filepath.Glob("../src/*.ts*")
	editors, err2 := filepath.Glob("../src/editors/*.tsx")
	if err != nil || err2 != nil || len(sources) == 0 || len(editors) == 0 {
		t.Fatal(err, err2)
	}
	for _, path := range append(sources, editors...) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, banned := range []string{"console.log", "dangerouslySetInnerHTML", "eval(", "new Function", "window.grafanaBootData", "localStorage"} {
			if strings.Contains(string(b), banned) {
				t.Errorf("%s has %s", path, banned)
			}
		}
	}
}

// TestProvisioning holds that what is provisioned names this plug-in, and that the
// plug-in names its dashboards.
func TestProvisioning(t *testing.T) {
	t.Parallel()
	var manifest struct {
		ID         string
		Executable string
		Includes   []struct{ Path string }
	}
	readJSON(t, "../src/plugin.json", &manifest)
	if manifest.ID != source.PluginID || manifest.Executable != "gpx_librum_datasource" || len(manifest.Includes) != 3 {
		t.Errorf("plugin.json: %+v", manifest)
	}
	for _, i := range manifest.Includes {
		if _, err := os.Stat(filepath.Join("../src", i.Path)); err != nil {
			t.Error(err)
		}
	}
	var sources struct {
		Datasources []struct {
			Type           string
			URL            string
			SecureJSONData map[string]string `yaml:"secureJsonData"`
		}
	}
	var providers struct {
		Providers []struct{ Options struct{ Path string } }
	}
	for path, to := range map[string]any{"datasources": &sources, "dashboards": &providers} {
		b, err := os.ReadFile(filepath.Join("../../deploy/grafana", path, "librum.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(b, to); err != nil {
			t.Fatal(err)
		}
	}
	if len(sources.Datasources) != 1 || sources.Datasources[0].Type != manifest.ID || sources.Datasources[0].SecureJSONData["token"] != "$LIBRUM_TOKEN" {
		t.Errorf("datasources: %+v", sources)
	}
	if len(providers.Providers) != 1 || !strings.HasSuffix(providers.Providers[0].Options.Path, manifest.ID+"/dashboards") {
		t.Errorf("dashboards: %+v", providers)
	}
}
