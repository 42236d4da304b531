package app_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

const govJob = `
num_rounds: 2
min_train_peers: 3
seed: 5
model: {name: logistic, layers: [64, 10]}
train: {local_epochs: 1, batch_size: 8, learning_rate: 0.05}
`

// assembly is a development network as its officers use it.
type assembly struct {
	*testing.T
	*dev

	dir string
}

func (a *assembly) officer(node int) string {
	return filepath.Join(a.dir, fmt.Sprintf("node-%d", node), "officer-key")
}

// librum runs a command that must succeed and decodes what it prints.
func librumJSON[T any](a *assembly, args ...string) T {
	a.Helper()
	out, code := output(a.T, a.env, append(args, "--json")...)
	if code != 0 {
		a.Fatalf("librum %v: exit %d", args, code)
	}
	return lastLine[T](a.T, out)
}

// decide proposes as one officer and has others approve.
func (a *assembly) decide(by int, approve []int, args ...string) v1.Proposal {
	a.Helper()
	p := librumJSON[v1.Proposal](a, append([]string{"gov", "propose", "--key", a.officer(by), "--genesis", a.genesis}, args...)...)
	for _, i := range approve {
		if p.State != "open" {
			a.Errorf("%s passed before organisation %d approved", p.Kind, i)
		}
		p = librumJSON[v1.Proposal](a, "gov", "approve", p.ID.String(), "--key", a.officer(i))
	}
	if p.State != "passed" && p.State != "active" {
		a.Fatalf("%s is %s with %d approvals, it takes %d", p.Kind, p.State, len(p.Approvals), p.Quorum)
	}
	return p
}

// train runs a job to its end, which makes blocks, and returns its id.
func (a *assembly) train() ledger.Digest {
	a.Helper()
	f := fleet{dev: a.dev, dir: a.dir, client: open(a.T, a.dir, a.dev)}
	id := f.submit(a.T, govJob)
	if events := f.follow(a.T, id, toTheEnd); events[len(events)-1].Type != "job.finished" {
		a.Fatalf("the job ended with %s", events[len(events)-1].Type)
	}
	return id
}

// active trains until a proposal is in force.
func (a *assembly) active(id ledger.Digest) (jobs []ledger.Digest) {
	a.Helper()
	for range 20 {
		switch p := librumJSON[v1.Proposal](a, "gov", "show", id.String()); p.State {
		case "active":
			return jobs
		case "passed":
			jobs = append(jobs, a.train())
		default:
			a.Fatalf("%s is %s, %s", p.Kind, p.State, p.Failure)
		}
	}
	a.Fatal("the height does not come")
	return nil
}

// restart ends the network and starts it again. What the open block held is
// executed again first, which a proposal that was in it tells.
func (a *assembly) restart(proposal ledger.Digest) {
	a.Helper()
	a.end(a.T, syscall.SIGTERM)
	a.dev = startDev(a.T, a.dir, 3, anyPort)
	c := open(a.T, a.dir, a.dev)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for range 1_500 {
		if _, err := c.Proposal(a.Context(), proposal); err == nil {
			return
		}
		<-ticker.C
	}
	a.Fatalf("proposal %s is gone after a restart", proposal)
}

// signed waits for a node's signature of the newest block.
func (a *assembly) signed(node ledger.ID) {
	a.Helper()
	c := open(a.T, a.dir, a.dev)
	status, err := c.Status(a.Context())
	if err != nil {
		a.Fatal(err)
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		block, err := c.Block(a.Context(), status.Height)
		if err != nil {
			a.Fatal(err)
		}
		if slices.ContainsFunc(block.Signatures, func(s v1.Signature) bool { return s.Node == node }) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			a.Fatalf("node %s does not sign block %d: %+v", node, status.Height, block.Signatures)
		}
	}
}

type enrolment struct {
	File         string    `json:"file"`
	Organisation ledger.ID `json:"organisation"`
	Node         struct {
		ID  ledger.ID `json:"id"`
		Key []byte    `json:"key"`
	} `json:"node"`
}

// TestGovernance is what users do: a fifth organisation comes with a node, the
// fourth is sent away, a node's key changes; jobs go on, and proofs of all that
// hold from the genesis digest alone.
func TestGovernance(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	a := &assembly{T: t, dir: dir, dev: startDev(t, dir, 3, anyPort)}
	jobs := []ledger.Digest{a.train()}
	fifth := librumJSON[enrolment](a, "gov", "node-key", "--dir", dir, "--new-organisation")

	come := a.decide(0, []int{1, 2}, "add-organisation", fifth.File, "--name", "fifth", "--at", "+4")
	jobs = append(jobs, a.active(come.ID)...)
	a.restart(come.ID) // node 4 is found, and follows as a reader
	node := a.decide(4, []int{0, 1, 2}, "add-node", fifth.File, "--at", "+5")
	jobs = append(jobs, a.active(node.ID)...)
	jobs = append(jobs, a.train())
	a.signed(fifth.Node.ID)

	status := librumJSON[v1.Governance](a, "gov", "status")
	organisation := func(name string) ledger.ID {
		i := slices.IndexFunc(status.Organisations, func(o v1.Organisation) bool { return o.Name == name })
		if i < 0 {
			t.Fatalf("no organisation %s in %+v", name, status)
		}
		return status.Organisations[i].ID
	}
	leave := a.decide(4, []int{0, 1, 2}, "remove-organisation", organisation("organisation-3").String(), "--at", "+5")
	jobs = append(jobs, a.active(leave.ID)...)
	if _, code := output(t, a.env, "gov", "propose", "set-limits", "--key", a.officer(3)); code != 1 {
		t.Errorf("an officer of an organisation that was removed proposes: exit %d, want 1", code)
	}

	next := librumJSON[enrolment](a, "gov", "node-key", "--dir", dir, "--organisation", organisation("organisation-1").String(), "--rotate", "1")
	rotate := a.decide(0, []int{1, 4}, "rotate-node-key", next.File, "--at", "+6")
	a.restart(rotate.ID) // node 1 has both keys at hand
	jobs = append(jobs, a.active(rotate.ID)...)
	jobs = append(jobs, a.train())
	a.signed(next.Node.ID)
	status = librumJSON[v1.Governance](a, "gov", "status")
	if status.Epoch != 3 || len(status.Nodes) != 4 || len(status.Organisations) != 4 ||
		!slices.ContainsFunc(status.Nodes, func(n v1.GroupNode) bool { return hex.EncodeToString(n.Key) == hex.EncodeToString(next.Node.Key) }) {
		t.Errorf("in the end %+v", status)
	}

	// From the genesis digest alone, across all changes.
	last := a.decide(0, []int{1, 2}, "set-limits", "--at", "+1000")
	epochs := map[uint64]bool{}
	for _, id := range []ledger.Digest{come.ID, node.ID, leave.ID, rotate.ID, last.ID} {
		proven := librumJSON[struct {
			OK          bool `json:"ok"`
			Transaction struct {
				Epoch uint64 `json:"epoch"`
				Call  string `json:"call"`
			} `json:"transaction"`
		}](a, "verify", "tx", id.String(), "--server", a.base, "--genesis", a.genesis)
		epochs[proven.Transaction.Epoch] = proven.OK && proven.Transaction.Call == "governance.propose"
	}
	if len(epochs) != 4 || slices.Contains([]bool{epochs[0], epochs[1], epochs[2], epochs[3]}, false) {
		t.Errorf("epochs of the proven transactions: %v", epochs)
	}
	other := ledger.Hash([]byte("another genesis")).String()
	for _, tt := range []struct {
		code int
		args []string
	}{
		{1, []string{last.ID.String(), "--server", a.base, "--genesis", other}},
		{3, []string{other, "--server", a.base, "--genesis", a.genesis}},
		{3, []string{last.ID.String(), "--server", "http://127.0.0.1:1", "--genesis", a.genesis}},
		{2, []string{last.ID.String(), "--genesis", a.genesis}},
		{2, []string{"rubbish", "--server", a.base}},
	} {
		if _, code := output(t, a.env, append([]string{"verify", "tx"}, tt.args...)...); code != tt.code {
			t.Errorf("verify tx %v: exit %d, want %d", tt.args, code, tt.code)
		}
	}
	if list := librumJSON[v1.Proposals](a, "gov", "list", "--state", "active"); len(list.Proposals) != 4 {
		t.Errorf("active proposals: %+v", list)
	}
	if _, code := output(t, a.env, "verify", "job", jobs[0].String(), "--server", a.base, "--genesis", a.genesis); code != 0 && code != 3 {
		t.Errorf("verify the first job at the server: exit %d", code) // updates are withheld: 3
	}

	a.end(t, syscall.SIGTERM)
	for _, id := range []ledger.Digest{jobs[0], jobs[len(jobs)-1]} {
		file := filepath.Join(t.TempDir(), "evidence")
		if _, code := output(t, nil, "job", "export", id.String(), "--evidence", file, "--dir", dir, "--genesis", a.genesis); code != 0 {
			t.Errorf("export job %s: exit %d", id, code)
		} else if _, code := output(t, nil, "verify", file, "--genesis", a.genesis); code != 0 {
			t.Errorf("verify the evidence of job %s: exit %d", id, code)
		}
		if _, code := output(t, nil, "verify", "job", id.String(), "--dir", dir, "--genesis", a.genesis); code != 0 {
			t.Errorf("verify job %s: exit %d", id, code)
		}
	}
	a.stopped(jobs[0])
}

// stopped has fsck, doctor and verify look at the directory with a node and a
// key that the genesis does not know, and then without that key.
func (a *assembly) stopped(id ledger.Digest) {
	a.Helper()
	out, code := output(a.T, nil, "fsck", "--dir", a.dir)
	if code != 0 || !strings.Contains(out, "read: 5 nodes") || strings.Contains(out, "neither of the genesis") {
		a.Errorf("fsck: exit %d", code)
	}
	// Node 3 left with its organisation, which is worth a word.
	if out, code = output(a.T, nil, "doctor", "--dir", a.dir); code != 0 || !strings.Contains(out, "it is not in the group that signs") {
		a.Errorf("doctor: exit %d", code)
	}
	if out, code = output(a.T, nil, "verify", "job", id.String(), "--dir", a.dir, "--genesis", a.genesis); code != 0 || !strings.Contains(out, "node-4") {
		a.Errorf("verify: exit %d", code)
	}
	if err := os.Remove(filepath.Join(a.dir, "node-1", "key-2")); err != nil {
		a.Fatal(err)
	}
	if out, code = output(a.T, nil, "fsck", "--dir", a.dir); code != 1 || !strings.Contains(out, "neither it nor another key here is the one in force") {
		a.Errorf("fsck without the key in force: exit %d", code)
	}
	if out, code = output(a.T, nil, "doctor", "--dir", a.dir); code != 1 || !strings.Contains(out, "none of those of node-1 is the one in force") {
		a.Errorf("doctor without the key in force: exit %d", code)
	}
}
