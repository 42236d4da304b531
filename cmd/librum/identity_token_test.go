package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// A member makes tokens with its own key: one reads, one signs, until revoked.
func TestIdentityToken(t *testing.T) {
	t.Parallel()
	s := serveNetwork(t, 0)
	dir := t.TempDir()
	pem, err := s.secrets.Key(localnet.KindAccount, 0).MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	token := func(want int, args ...string) string {
		t.Helper()
		out, log, code := run(t, newIdentityCommand(), append([]string{"token"}, append(args, "--server", s.flags[1], "--identity", key)...)...)
		if code != want {
			t.Fatalf("%v: exit %d, want %d: %s%s", args, code, want, out, log)
		}
		return out
	}
	reads, signs := filepath.Join(dir, "reads"), filepath.Join(dir, "signs")
	token(0, "create", "--token-out", reads, "--genesis", s.Chain.String())
	token(exitUsage, "create", "--token-out", reads)
	token(exitUsage, "create")
	token(exitUsage, "create", "--token-out", signs, "--life", "0s")
	token(exitUsage, "create", "--token-out", signs, "--spend", "x")
	token(exitNo, "create", "--token-out", filepath.Join(dir, "other"), "--genesis", strings.Repeat("1", 64))
	token(exitNo, "create", "--token-out", filepath.Join(dir, "update"), "--sign", "fl.SubmitUpdate")
	var made madeToken
	out := token(0, "create", "--token-out", signs, "--sign", "fl.CreateJob,fl.CancelJob", "--name", "of the lab", "--json")
	if err := json.Unmarshal([]byte(out), &made); err != nil || len(made.Methods) != 2 || made.File != signs {
		t.Fatalf("made %s, %v", out, err)
	}
	for file, may := range map[string]bool{reads: false, signs: true} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
		secret, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New(s.flags[1], strings.TrimSpace(string(secret)), client.Options{Retries: -1})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Status(t.Context()); err != nil {
			t.Errorf("%s does not read: %v", file, err)
		}
		spec := job.Defaults()
		spec.Model.Layers = []int64{64, 10}
		if _, err := c.CreateJob(t.Context(), spec, ""); may != (err == nil) || !may && !client.IsCode(err, "not_permitted") {
			t.Errorf("%s creates a job: %v", file, err)
		}
	}
	if out = token(0, "list"); !strings.Contains(out, made.ID.String()) || !strings.Contains(out, "of the lab") || !strings.Contains(out, "fl.CancelJob, fl.CreateJob") {
		t.Errorf("list: %s", out)
	}
	token(0, "revoke", made.ID.String())
	token(exitUnknown, "revoke", made.ID.String())
	token(exitUsage, "revoke", "x")
	var left v1.BearerTokens
	if err := json.Unmarshal([]byte(token(0, "list", "--json")), &left); err != nil {
		t.Fatal(err)
	}
	for _, kept := range left.Tokens {
		if kept.ID == made.ID {
			t.Error("the revoked token is listed")
		}
	}
}
