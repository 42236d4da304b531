package app_test

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

const killJob = `
num_rounds: 4
min_train_peers: 3
seed: 11
model: {name: mlp, layers: [64, 64, 10]}
train: {local_epochs: 2, batch_size: 8, learning_rate: 0.1, momentum: 0.5}
`

// TestKillInTheMiddleOfARound kills the process while peers train, starts it
// again, and wants the job to finish, every event that was seen before to be
// there still and once, and all to verify.
func TestKillInTheMiddleOfARound(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	spec := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(spec, []byte(killJob), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDev(t, dir, 3, anyPort)
	out, code := output(t, d.env, "job", "submit", "-f", spec, "--json")
	if code != 0 {
		t.Fatalf("submit the job: exit %d", code)
	}
	id, err := ledger.ParseDigest(lastLine[struct {
		ID string `json:"id"`
	}](t, out).ID)
	if err != nil {
		t.Fatal(err)
	}

	var before []v1.Event
	for e, err := range open(t, dir, d).Events(t.Context(), id, "") {
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, e)
		if e.Type == "update.submitted" && count(before, "round.final") == 1 {
			break // round 2 is open and one of its peers has answered
		}
	}
	d.end(t, syscall.SIGKILL)

	d = startDev(t, dir, 3, anyPort)
	var after []v1.Event
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e, err := range open(t, dir, d).Events(ctx, id, "") {
		if err != nil {
			t.Fatalf("after %d events: %v", len(after), err)
		}
		after = append(after, e)
	}
	for i, e := range before {
		if i >= len(after) || after[i].Position != e.Position || after[i].N != e.N || after[i].Type != e.Type {
			t.Fatalf("event %d was %s at %s, it is gone or another after the restart", i, e.Type, e.Position)
		}
	}
	if last := after[len(after)-1]; last.Type != "job.finished" || count(after, "round.final") != 4 {
		t.Errorf("the job ended with %s after %d final rounds", last.Type, count(after, "round.final"))
	}
	if _, code := output(t, nil, "verify", "chain", "--dir", dir); code != 3 {
		t.Errorf("verify while it runs: exit %d, want 3", code)
	}
	d.end(t, syscall.SIGTERM)
	if _, code := output(t, nil, "verify", "job", id.String(), "--dir", dir); code != 0 {
		t.Errorf("verify the job: exit %d", code)
	}
}

func open(t *testing.T, dir string, d *dev) *client.Client {
	t.Helper()
	return openWith(t, dir, d, client.Options{})
}

// openTrusting is open with the certificates of a file to trust.
func openTrusting(t *testing.T, dir string, d *dev, ca string) *client.Client {
	t.Helper()
	b, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(b) {
		t.Fatalf("%s has no certificate", ca)
	}
	return openWith(t, dir, d, client.Options{Roots: roots})
}

func openWith(t *testing.T, dir string, d *dev, options client.Options) *client.Client {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(d.base, string(token[:len(token)-1]), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func count(events []v1.Event, kind string) int {
	n := 0
	for _, e := range events {
		if e.Type == kind {
			n++
		}
	}
	return n
}
