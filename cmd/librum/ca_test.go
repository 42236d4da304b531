package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestApplicantsStayBelowTheirFolder gives paths and links that lead out of the
// folder of the file of applicants, and lines that are none.
func TestApplicantsStayBelowTheirFolder(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	folder := filepath.Join(parent, "in")
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(folder, "sub", "passport.pdf"), "a passport")
	write(filepath.Join(parent, "secret"), "outside")
	for link, to := range map[string]string{"out": "../secret", "in-link": "sub/passport.pdf", "up": ".."} {
		if err := os.Symlink(to, filepath.Join(folder, link)); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "applicants.jsonl")
	line := func(evidence string) string {
		b, err := json.Marshal(map[string]any{"request": "x", "name": "n", "roles": []string{"member"}, "evidence": []string{evidence}})
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	for _, evidence := range []string{"sub/passport.pdf", "in-link", "./sub/../sub/passport.pdf"} {
		write(file, line(evidence))
		all, err := readApplicants(file)
		if err != nil || string(all[0].Documents[0].Content) != "a passport" {
			t.Errorf("%s: %v, %v", evidence, all, err)
		}
	}
	for name, text := range map[string]string{
		"a path upwards":    line("../secret"),
		"an absolute path":  line(filepath.Join(parent, "secret")),
		"a link out":        line("out"),
		"a path by a link":  line("up/secret"),
		"a folder":          line("sub"),
		"nothing there":     line("missing"),
		"an unknown field":  `{"request":"x","officer":true}` + "\n",
		"no JSON":           "request\n",
		"a second one cut":  line("sub/passport.pdf") + `{"request":`,
		"an empty file":     "\n\n",
		"an endless line":   strings.Repeat("x", maxApplicantBytes+1),
		"an endless string": `{"request":"` + strings.Repeat("x", maxApplicantBytes) + `"}` + "\n",
	} {
		write(file, text)
		if all, err := readApplicants(file); err == nil {
			t.Errorf("%s: %+v", name, all)
		} else if strings.Contains(err.Error(), "outside") {
			t.Errorf("%s: the error shows what was read: %v", name, err)
		}
	}
}

func FuzzReadApplicant(f *testing.F) {
	dir := f.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = root.Close() })
	f.Add([]byte(`{"request":"x","name":"n","roles":["member"],"evidence":["../x"],"expiry":"2027-01-01T00:00:00Z"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if a, err := readApplicant(root, line); err == nil && len(a.Documents) > 0 {
			t.Fatalf("an empty folder gave %d documents", len(a.Documents))
		}
	})
}
