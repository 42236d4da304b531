package app_test

import (
	"path/filepath"
	"strings"
	"testing"
)

type breachResult struct {
	demoResult
	Cheat struct {
		Name  string `json:"name"`
		Found bool   `json:"found"`
		What  string `json:"what"`
	} `json:"cheat"`
}

// TestBreaches breaks the rules in the ways that the demo knows. Each must be
// found, named, and leave the job as it is.
func TestBreaches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		verified bool
		what     []string // stands in what the demo says
	}{
		{"storage", false, []string{"node-2, block ", "bad signature"}},
		{"node", true, []string{"of height 1", "suspended on the evidence of node", "the other three finished the job"}},
		{"gateway", true, []string{
			"forged: bad_signature", "expired: expired", "replayed: replayed", "frozen: not_active", "garbage: malformed", "2 records skipped",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "demo")
			out, code := output(t, nil, "demo", "--peers", "3", "--rounds", "2", "--seed", "5", "--dir", dir, "--cheat", tt.name, "--json")
			if code != 0 {
				t.Fatalf("exit %d, want 0: found as documented", code)
			}
			result := lastLine[breachResult](t, out)
			if result.Cheat.Name != tt.name || !result.Cheat.Found || result.Verified != tt.verified || result.NumRounds != 2 {
				t.Errorf("the demo says %+v", result)
			}
			for _, part := range tt.what {
				if !strings.Contains(result.Cheat.What, part) {
					t.Errorf("%q does not tell of %q", result.Cheat.What, part)
				}
			}
			// Whoever verifies the directory later sees the same.
			want := map[bool]int{true: 0, false: 1}[tt.verified]
			out, code = output(t, nil, "verify", "chain", "--dir", dir, "--head", result.ChainHash, "--json")
			if v := lastLine[verifyResult](t, out); code != want || v.OK != tt.verified || (v.First == nil) != tt.verified {
				t.Errorf("verify: exit %d, %+v", code, v)
			}
		})
	}
}

// TestBreachesStayInTheDemo: no other command knows the flag, and the demo knows
// its cheats.
func TestBreachesStayInTheDemo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"dev", "--cheat", "storage"}, {"demo", "--cheat", "nothing"}} {
		if _, code := output(t, nil, append(args, "--dir", filepath.Join(t.TempDir(), "none"))...); code != 2 {
			t.Errorf("%v: exit %d, want 2", args, code)
		}
	}
}
