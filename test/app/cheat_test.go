package app_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestCheats has somebody lie in a demo: the lie is found out, the job ends with
// the model it would have ended with anyway, and verify says who lied.
func TestCheats(t *testing.T) {
	t.Parallel()
	demo := func(t *testing.T, flags ...string) cheatedResult {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "demo")
		out, code := output(t, nil, append([]string{"demo", "--peers", "3", "--rounds", "2", "--seed", "6", "--dir", dir}, flags...)...)
		if code != 0 {
			t.Fatalf("the demo ended with %d", code)
		}
		return lastLine[cheatedResult](t, out)
	}
	honest := demo(t, "--json")
	if honest.Cheat != nil || !honest.Verified {
		t.Errorf("the honest demo says %+v", honest)
	}
	for _, name := range []string{"aggregator", "peer"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := demo(t, "--json", "--cheat", name)
			if got.Cheat == nil || got.Cheat.Name != name || !got.Cheat.Found || !got.Verified || got.NumRounds != 2 {
				t.Errorf("the demo says %+v", got)
			}
			if got.ModelDigest != honest.ModelDigest {
				t.Errorf("the job ended with model %s, without the lie with %s", got.ModelDigest, honest.ModelDigest)
			}
			if out, code := output(t, nil, "verify", "job", got.Job, "--dir", got.Dir); code != 0 || strings.Contains(out, "outvoted in term 1 of round 2") != (name == "aggregator") {
				t.Errorf("verify ended with %d and says\n%s", code, out)
			}
		})
	}
}

// TestCheatsInWords looks for what a person is told.
func TestCheatsInWords(t *testing.T) {
	t.Parallel()
	for name, words := range map[string][]string{
		"aggregator": {
			"held term 1", "wrong in one bit", "3 of 4 nodes recomputed", "took term 2", "takes no further term of this job",
			"outvoted in term 1 of round 1: committed", "Found as documented", "verified: ",
		},
		"peer": {
			"though it had uploaded", "refused as bad_receipt", "though the job allows 10000000: refused as bad_arguments",
			"submitted a second time: refused as answered", "Found as documented", "verified: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, code := output(t, nil, "demo", "--peers", "2", "--rounds", "1", "--seed", "7", "--cheat", name)
			if code != 0 {
				t.Fatalf("the demo ended with %d", code)
			}
			for _, w := range words {
				if !strings.Contains(out, w) {
					t.Errorf("the demo does not say %q", w)
				}
			}
		})
	}
	for _, args := range [][]string{{"demo", "--cheat", "nobody"}, {"dev", "--cheat", "peer"}} {
		if _, code := output(t, nil, args...); code != 2 {
			t.Errorf("librum %s: exit %d, want 2", strings.Join(args, " "), code)
		}
	}
}

// cheatedResult is what a demo with a cheat prints.
type cheatedResult struct {
	demoResult

	Cheat *struct {
		Name  string `json:"name"`
		Found bool   `json:"found"`
	} `json:"cheat"`
}
