package main

import (
	"os"
	"strings"
	"testing"
)

// TestMain lets this program be the validators' process too.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			_, _ = os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestBench runs four validators in processes of their own by each way of
// submitting.
func TestBench(t *testing.T) {
	for _, extra := range []string{"-pause 20ms", "-rpc -early -together"} {
		args := strings.Fields("-validators 4 -transactions 300 -accounts 50 -batch 50 -clients 2 -rate 50 -seconds 1 -json " + extra)
		var out strings.Builder
		args = append(args, "-dir", t.TempDir())
		if err := run(t.Context(), args, nil, &out, os.Stderr); err != nil {
			t.Fatalf("%s: %v", extra, err)
		}
		if strings.Count(out.String(), `"what":"cometbft"`) != 2 {
			t.Errorf("%s: %s", extra, out.String())
		}
	}
}
