package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

// TestStrategiesAsAUser runs a job by each family of strategies, as files of a
// user name them, looks at what the server remembers, and verifies each from the
// files that are left.
func TestStrategiesAsAUser(t *testing.T) {
	t.Parallel()
	const peers = 7
	dir := filepath.Join(t.TempDir(), "dev")
	d := startDev(t, dir, peers, "127.0.0.1:0")
	secret, err := localnet.Dir(dir).ReadToken()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(d.base, secret, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	families := []struct {
		name, strategy, train string
		remembers             bool
	}{
		{"weighted mean", "{name: fedavg}", "{momentum: 0.5}", false},
		{"proximal", "{name: fedprox}", "{proximal_mu: 0.1}", false},
		{"normalised", "{name: fednova}", "{local_epochs: 2}", false},
		{"control variates", "{name: scaffold}", "{momentum: 0}", true},
		{"server momentum", "{name: fedavgm}", "{}", true},
		{"adaptive server", "{name: fedadam, params: {eta: 0.03}}", "{}", true},
		{"robust by coordinate", "{name: trimmed_mean, params: {beta: 0.3}}", "{}", false},
		{"robust by distance", "{name: bulyan, params: {num_malicious: 1}}", "{}", false},
		{"geometric", "{name: geometric_median}", "{}", false},
		{"trusted peer", "{name: fltrust, root: PEER}", "{}", false},
		{"clipped, robust, server", "{name: fedyogi, clip: {name: adaptive}, mean: {name: multikrum, params: {num_malicious: 2}}}", "{}", true},
	}
	root := "" // a peer, known from the first job
	jobs := make([]ledger.Digest, len(families))
	for i, f := range families {
		spec := filepath.Join(t.TempDir(), "job.yaml")
		text := fmt.Sprintf("num_rounds: 2\nmin_train_peers: %d\nmodel: {name: logistic, layers: [64, 10]}\nstrategy: %s\ntrain: %s\n", peers, strings.Replace(f.strategy, "PEER", root, 1), f.train)
		if err := os.WriteFile(spec, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := output(t, d.env, "job", "run", "-f", spec, "--json")
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", f.name, code, out)
		}
		ended := lastLine[struct {
			Job   ledger.Digest
			State string
		}](t, out)
		if jobs[i] = ended.Job; ended.State != "finished" {
			t.Errorf("%s: %+v", f.name, ended)
		}
		page, err := c.Rounds(t.Context(), ended.Job, client.Page{})
		if err != nil {
			t.Fatal(err)
		}
		rounds := page.Rounds
		answers, err := c.Updates(t.Context(), ended.Job, 1, client.Page{})
		if err != nil || len(answers.Updates) != peers {
			t.Fatalf("%s: updates %+v, %v", f.name, answers, err)
		}
		root = answers.Updates[0].Peer.String()
		if len(rounds) != 2 || rounds[0].Averaged != peers || (rounds[0].ServerState != nil) != f.remembers || (rounds[1].ServerState != nil) != f.remembers {
			t.Errorf("%s: rounds %+v", f.name, rounds)
			continue
		}
		if f.remembers && rounds[0].ServerState.Digest == rounds[1].ServerState.Digest {
			t.Errorf("%s: the server remembers the same after both rounds", f.name)
		}
	}
	// A job behind them, so that all of theirs is in final blocks.
	last := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(last, []byte("num_rounds: 1\nmin_train_peers: 1\nmodel: {name: logistic, layers: [64, 10]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, code := output(t, d.env, "job", "run", "-f", last); code != 0 {
		t.Fatalf("one more job: exit %d", code)
	}
	d.end(t, syscall.SIGTERM)
	for i, f := range families {
		out, code := output(t, nil, "verify", "job", jobs[i].String(), "--dir", dir, "--json")
		report := lastLine[struct {
			Verdict string
			Checked struct{ Rounds, Updates, Averages int }
		}](t, out)
		if code != 0 || report.Verdict != "right" || report.Checked.Averages != 2 || report.Checked.Updates != 2*peers {
			t.Errorf("%s: exit %d, %+v", f.name, code, report)
		}
	}
}
