package app_test

import (
	"path/filepath"
	"testing"
)

type demoResult struct {
	Job         string  `json:"job"`
	Accuracy    float64 `json:"accuracy"`
	NumRounds   int     `json:"num_rounds"`
	Verified    bool    `json:"verified"`
	ModelDigest string  `json:"model_digest"`
	ChainHash   string  `json:"chain_hash"`
	Dir         string  `json:"dir"`
}

type verifyResult struct {
	OK      bool   `json:"ok"`
	Verdict string `json:"verdict"`
	Checked struct {
		Blocks   int `json:"blocks"`
		Rounds   int `json:"rounds"`
		Updates  int `json:"updates"`
		Averages int `json:"averages"`
	} `json:"checked"`
	First *struct {
		Kind string `json:"kind"`
	} `json:"first_error"`
}

// TestDemo runs the demo twice from one seed, on all processors and on one:
// the models must be equal to the bit. Then it verifies what the first left.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	demo := func(env []string, dir string) demoResult {
		out, code := output(t, env, "demo", "--peers", "3", "--rounds", "2", "--seed", "5", "--dir", dir, "--json")
		if code != 0 {
			t.Fatalf("the demo ended with %d", code)
		}
		return lastLine[demoResult](t, out)
	}
	first := demo(nil, dir)
	second := demo([]string{"GOMAXPROCS=1"}, filepath.Join(t.TempDir(), "demo"))
	if !first.Verified || first.NumRounds != 2 || first.Dir != dir {
		t.Errorf("the demo says %+v", first)
	}
	if first.ModelDigest != second.ModelDigest {
		t.Errorf("models %s and %s of one seed", first.ModelDigest, second.ModelDigest)
	}

	for _, c := range []struct {
		name string
		args []string
		code int
		kind string
	}{
		{"chain without an anchor", []string{"chain"}, 0, ""},
		{"chain with its head", []string{"chain", "--head", first.ChainHash, "--min-height", "1"}, 0, ""},
		{"chain with its genesis file", []string{"chain", "--genesis", filepath.Join(dir, "genesis.cbor")}, 0, ""},
		{"chain with a foreign head", []string{"chain", "--head", first.ModelDigest}, 1, "anchor"},
		{"chain with a foreign genesis", []string{"chain", "--genesis", first.ModelDigest}, 1, "anchor"},
		{"chain that is too short", []string{"chain", "--min-height", "1000000"}, 1, "anchor"},
		{"job", []string{"job", first.Job}, 0, ""},
		{"no such job", []string{"job", first.ModelDigest}, 3, ""},
		{"no digest", []string{"job", "abc"}, 2, ""},
	} {
		out, code := output(t, nil, append(append([]string{"verify"}, c.args...), "--dir", dir, "--json")...)
		if code != c.code {
			t.Errorf("%s: exit %d, want %d", c.name, code, c.code)
		}
		if c.code > 1 {
			continue
		}
		result := lastLine[verifyResult](t, out)
		if result.OK != (c.code == 0) || (c.kind != "") != (result.First != nil) || result.First != nil && result.First.Kind != c.kind {
			t.Errorf("%s: %+v", c.name, result)
		}
		if c.name == "job" && (result.Checked.Rounds != 2 || result.Checked.Updates != 6 || result.Checked.Averages != 2) {
			t.Errorf("job: %+v", result)
		}
	}
	if _, code := output(t, nil, "verify", "chain", "--dir", t.TempDir()); code != 3 {
		t.Errorf("an empty directory: exit %d, want 3", code)
	}
}
