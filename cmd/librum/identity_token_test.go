package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/localnet"
)

// Where calls may wait for a minute alone, those of the commands expire within it.
func TestCommandsFollowTheLimits(t *testing.T) {
	t.Parallel()
	s := serveGenesis(t, 0, func(g *ledger.Genesis) { g.Limits.MaxTTL = 60_000 })
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := keyfile.Write(key, s.secrets.Key(localnet.KindAccount, 0), ""); err != nil {
		t.Fatal(err)
	}
	asOwner := func(args ...string) string {
		t.Helper()
		args = append(args, "--server", s.flags[1], "--identity", key, "--genesis", s.Chain.String(), "--json")
		out, log, code := run(t, newIdentityCommand(), args...)
		if code != 0 {
			t.Errorf("%v: exit %d: %s%s", args, code, out, log)
		}
		return out
	}
	var made madeToken
	if err := json.Unmarshal([]byte(asOwner("token", "create", "--token-out", filepath.Join(dir, "token"), "--sign", "fl.CreateJob")), &made); err != nil {
		t.Fatal(err)
	}
	asOwner("token", "revoke", made.ID.String())
	asOwner("rotate", "--to", filepath.Join(dir, "key-2"))
}

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
	tokens := func() (list v1.BearerTokens) {
		t.Helper()
		if err := json.Unmarshal([]byte(token(0, "list", "--json")), &list); err != nil {
			t.Fatal(err)
		}
		return list
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
	// For longer, with key and proof as they are printed.
	held := func(public, proof []byte, want int) {
		t.Helper()
		out, log, code := run(
			t, newIdentityCommand(), "delegate", "add", base64.StdEncoding.EncodeToString(public), "--proof", base64.StdEncoding.EncodeToString(proof),
			"--node", made.Node.String(), "--method", "fl.CreateJob", "--server", s.flags[1], "--identity", key, "--genesis", s.Chain.String(),
		)
		if code != want {
			t.Errorf("delegate add: exit %d, want %d: %s%s", code, want, out, log)
		}
	}
	held(made.Key, made.Proof, 0)
	held(made.Key, made.Proof[:63], exitUsage)
	held(made.Key[:31], made.Proof, exitUsage)
	held(made.Key, append([]byte{made.Proof[0] ^ 1}, made.Proof[1:]...), exitNo)
	if out = token(0, "list"); !strings.Contains(out, made.ID.String()) || !strings.Contains(out, "of the lab") || strings.Contains(out, "fl.CancelJob") {
		t.Errorf("list: %s", out)
	}
	for _, listed := range tokens().Tokens {
		if bytes.Equal(listed.Key, made.Key) != bytes.Equal(listed.Proof, made.Proof) {
			t.Errorf("listed with another proof: %+v", listed)
		}
	}
	token(0, "revoke", made.ID.String())
	token(exitUnknown, "revoke", made.ID.String())
	token(exitUsage, "revoke", "x")
	for _, kept := range tokens().Tokens {
		if kept.ID == made.ID {
			t.Error("the revoked token is listed")
		}
	}
}

// A node that keeps a token it is told to forget, and hides what the ledger
// lists for it, can't sign with it any more.
func TestRevokeAtALyingNode(t *testing.T) {
	t.Parallel()
	s := serveNetwork(t, 0)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := keyfile.Write(key, s.secrets.Key(localnet.KindAccount, 0), ""); err != nil {
		t.Fatal(err)
	}
	out, log, code := run(t, newIdentityCommand(), "token", "create", "--server", s.flags[1], "--identity", key, "--token-out", filepath.Join(dir, "token"), "--sign", "fl.CreateJob", "--json")
	var made madeToken
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 {
		t.Fatalf("exit %d, %s%s", code, out, log)
	}
	base, err := url.Parse(s.flags[1])
	if err != nil {
		t.Fatal(err)
	}
	node := httputil.NewSingleHostReverseProxy(base)
	node.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method != http.MethodGet || r.Request.URL.Path != "/v1/bearer-tokens" || r.StatusCode != http.StatusOK {
			return nil
		}
		b, err := io.ReadAll(r.Body)
		hidden := bytes.ReplaceAll(b, []byte(`"methods":["fl.CreateJob"]`), []byte(`"methods":[]`))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(hidden)), int64(len(hidden))
		r.Header.Del("Content-Length")
		return err
	}
	lying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent) // and nothing is done
			return
		}
		node.ServeHTTP(w, r)
	}))
	defer lying.Close()
	if out, log, code := run(t, newIdentityCommand(), "token", "revoke", made.ID.String(), "--server", lying.URL, "--identity", key); code != 0 {
		t.Fatalf("exit %d, %s%s", code, out, log)
	}
	if _, err := members.DelegateAt(s.Nodes[0].State(t.Context()), made.Member, ledger.PublicKey(made.Key).ID(), time.Now().UnixMilli()); err == nil {
		t.Error("the ledger still lists the key of the revoked token")
	}
}

// With --genesis nothing is signed for another chain, on which the same key may
// be a member's, whatever the node says once it has made a token.
func TestDelegatesForNoOtherChain(t *testing.T) {
	t.Parallel()
	s := serveNetwork(t, 0)
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := keyfile.Write(key, s.secrets.Key(localnet.KindAccount, 0), ""); err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(s.flags[1])
	if err != nil {
		t.Fatal(err)
	}
	node := httputil.NewSingleHostReverseProxy(base)
	node.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Path != "/v1/status" {
			return nil
		}
		b, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(b, []byte(s.Chain.String()), bytes.Repeat([]byte("1"), 64))))
		return err
	}
	var signed atomic.Int32
	lying := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/transactions" {
			signed.Add(1)
		}
		node.ServeHTTP(w, r)
	}))
	defer lying.Close()
	out, log, code := run(t, newIdentityCommand(), "token", "create", "--server", lying.URL, "--identity", key,
		"--genesis", s.Chain.String(), "--token-out", filepath.Join(dir, "token"), "--sign", "fl.CreateJob")
	if code != exitNo || signed.Load() != 0 {
		t.Errorf("exit %d, %d signed transactions sent, %s%s", code, signed.Load(), out, log)
	}
}
