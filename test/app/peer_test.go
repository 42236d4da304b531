package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/fl/policy"
)

const (
	openPolicy = "creators: [any]\nmodels: [logistic]\n"
	peerJob    = `
num_rounds: %d
min_train_peers: %d
wait_after_min_s: %d
seed: 3
model: {name: logistic, layers: [64, 10]}
train: {local_epochs: %d, batch_size: 8, learning_rate: 0.05}
`
)

// participant is a peer in a process of its own.
type participant struct {
	cmd      *exec.Cmd
	identity string
	log      string // path
	logged   int64  // bytes of runs before
	done     chan struct{}
}

// fleet is a development network all of whose peers run elsewhere.
type fleet struct {
	*dev

	dir    string
	client *client.Client
}

func startFleet(t *testing.T, peers int) *fleet {
	t.Helper()
	return startFleetIn(t, filepath.Join(t.TempDir(), "dev"), anyPort, peers)
}

func startFleetIn(t *testing.T, dir, listen string, peers int) *fleet {
	t.Helper()
	d := startDevWith(t, dir, "--listen", listen, "--peers", "0", "--external-peers", fmt.Sprint(peers))
	return &fleet{dev: d, dir: dir, client: open(t, dir, d)}
}

// peerArgs are the flags by which a peer says who it is.
func (f *fleet) peerArgs(i int) []string {
	return []string{"--genesis", f.genesis, "--identity", f.identity(i)}
}

func (f *fleet) identity(i int) string {
	return filepath.Join(f.dir, "peers", fmt.Sprintf("external-%d-key", i))
}

// join starts a peer with a part of the digits.
func (f *fleet) join(t *testing.T, i, of int, rules string) *participant {
	t.Helper()
	return f.joinWith(t, i, rules, "--data", fmt.Sprintf("digits:%d/%d?seed=1", i+1, of))
}

// joinWith starts a peer with the data that flags name.
func (f *fleet) joinWith(t *testing.T, i int, rules string, flags ...string) *participant {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(append([]string{"peer", "run", "--policy", path}, flags...), f.peerArgs(i)...)
	p := &participant{cmd: command(t, f.env, args...), identity: f.identity(i), done: make(chan struct{})}
	log, err := os.OpenFile(filepath.Join(t.ArtifactDir(), fmt.Sprintf("peer-%d.log", i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	info, err := log.Stat()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr, p.log, p.logged = log, log.Name(), info.Size()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ends is the test's doing
		close(p.done)
	}()
	return p
}

// end sends the signal and returns the exit code.
func (p *participant) end(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("the peer has not ended %s after %s", patience, signal)
	}
	return p.cmd.ProcessState.ExitCode()
}

// egress returns what the peer says has left.
func (p *participant) egress(t *testing.T) []peer.Departure {
	t.Helper()
	file, err := os.Open(p.identity + ".egress.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	departures, err := peer.ReadEgress(file)
	if err != nil {
		t.Fatal(err)
	}
	return departures
}

// submit creates a job and returns its id.
func (f *fleet) submit(t *testing.T, spec string) ledger.Digest {
	t.Helper()
	path := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(path, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := output(t, f.env, "job", "submit", "-f", path, "--json")
	if code != 0 {
		t.Fatalf("submit the job: exit %d", code)
	}
	id, err := ledger.ParseDigest(lastLine[struct {
		ID string `json:"id"`
	}](t, out).ID)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// answer is the data of events about peers.
type answer struct {
	Round       uint64        `json:"round"`
	Peer        ledger.ID     `json:"peer"`
	Digest      ledger.Digest `json:"digest"`
	Size        uint64        `json:"size"`
	NumExamples uint64        `json:"num_examples"`
	Reason      string        `json:"reason"`

	Metrics map[string]float64 `json:"metrics"`
}

func answerIn(t *testing.T, e v1.Event) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(e.Data, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// follow reads events to the end of the job, or until enough says so.
func (f *fleet) follow(t *testing.T, id ledger.Digest, enough func(e v1.Event) bool) []v1.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var events []v1.Event
	for e, err := range f.client.Events(ctx, id, "") {
		if err != nil {
			t.Fatalf("after %d events: %v", len(events), err)
		}
		events = append(events, e)
		if enough(e) {
			return events
		}
	}
	return events
}

func toTheEnd(v1.Event) bool { return false }

// TestPeersOfTheirOwn trains with three processes; one is killed in the middle
// of the job and started again. Then the egress logs must list what the ledger
// has, and nothing else may stand there.
func TestPeersOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	peers := make([]*participant, 3)
	for i := range peers {
		peers[i] = f.join(t, i, 3, openPolicy)
	}
	id := f.submit(t, fmt.Sprintf(peerJob, 3, 3, 0, 4))
	f.follow(t, id, func(e v1.Event) bool { return e.Type == "round.final" })
	peers[1].end(t, syscall.SIGKILL)
	peers[1] = f.join(t, 1, 3, openPolicy)
	events := f.follow(t, id, toTheEnd)
	if last := events[len(events)-1]; last.Type != "job.finished" || count(events, "round.final") != 3 {
		t.Fatalf("the job ended with %s after %d final rounds", last.Type, count(events, "round.final"))
	}
	for i, p := range peers {
		if code := p.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("peer %d ended with %d on SIGTERM", i, code)
		}
	}
	for i, p := range peers {
		departures := p.egress(t)
		if len(departures) == 0 {
			t.Fatalf("peer %d: nothing is listed", i)
		}
		listed := map[uint64]peer.Departure{}
		for _, d := range departures {
			if before, ok := listed[d.Round]; ok && before.Digest != d.Digest {
				t.Errorf("peer %d: two files left for round %d", i, d.Round)
			}
			listed[d.Round] = d
			if d.Job != id || d.To != f.base || d.Rule != "creators[any], models[0]" || d.Time.IsZero() || d.Policy != ledger.Hash([]byte(openPolicy)) {
				t.Errorf("peer %d: %+v", i, d)
			}
		}
		submitted := 0
		for _, e := range events {
			if e.Type != "update.submitted" {
				continue
			}
			a := answerIn(t, e)
			if a.Peer != departures[0].Peer {
				continue
			}
			submitted++
			if d := listed[a.Round]; d.Digest != a.Digest || d.Size != a.Size || d.NumExamples != a.NumExamples {
				t.Errorf("peer %d, round %d: the ledger has %+v, the log %+v", i, a.Round, a, d)
			}
		}
		if submitted != 3 || len(listed) != 3 {
			t.Errorf("peer %d submitted %d updates and lists %d", i, submitted, len(listed))
		}
	}
}

// TestOwnTables trains on files of two owners whose columns differ in order and
// in what else they hold. The classes are told apart by one feature.
func TestOwnTables(t *testing.T) {
	t.Parallel()
	const schema = `columns:
  - {name: marker, type: number, min: -10, max: 10, required: true}
  - {name: sex, type: category, values: [f, m]}
  - {name: ill, type: category, values: ["no", "yes"]}
`
	folder := t.TempDir()
	tables := []string{"name,ill,sex,marker\n", "marker,ill,sex\n"}
	for row := range 60 {
		ill, marker := "no", -1-row%8
		if row%2 == 0 {
			ill, marker = "yes", 1+row%8
		}
		sex := []string{"f", "m", ""}[row%3]
		tables[0] += fmt.Sprintf("\"Doe, %d\",%s,%s,%d\n", row, ill, sex, marker)
		tables[1] += fmt.Sprintf("%d,%s,%s\n", marker, ill, sex)
	}
	for name, text := range map[string]string{"schema.yaml": schema, "0.csv": tables[0], "1.csv": tables[1]} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := startFleet(t, 2)
	for i := range 2 {
		f.joinWith(t, i, openPolicy, "--data-root", folder, "--data", fmt.Sprintf("csv:%d.csv?label=ill&schema=schema.yaml", i))
	}
	spec := strings.Replace(fmt.Sprintf(peerJob, 2, 2, 0, 20), "[64, 10]", "[3, 2]", 1)
	events := f.follow(t, f.submit(t, spec), toTheEnd)
	if last := events[len(events)-1]; last.Type != "job.finished" {
		t.Fatalf("the job ended with %s: %s", last.Type, last.Data)
	}
	for _, e := range events {
		if a := answerIn(t, e); e.Type == "update.submitted" && a.Round == 2 && (a.NumExamples != 60 || a.Metrics["accuracy"] < 0.95) {
			t.Errorf("peer %s tells %+v", a.Peer, a)
		}
	}
}

// TestPeerOverTLS has the network's own authority certify its door: a peer that
// is given its certificates trains, and one that is not can't record its pause.
func TestPeerOverTLS(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	d := startDevWith(t, dir, "--tls", "--listen", anyPort, "--peers", "0", "--external-peers", "1")
	ca := filepath.Join(dir, "ca", "ca.pem")
	f := &fleet{dev: d, dir: dir, client: openTrusting(t, dir, d, ca)}
	trustless := f.env
	p := f.joinWith(t, 0, openPolicy, "--data", "digits:1/1?seed=1", "--ca", ca)
	f.env = append(slices.Clone(trustless), "SSL_CERT_FILE="+ca)
	events := f.follow(t, f.submit(t, fmt.Sprintf(peerJob, 1, 1, 0, 1)), toTheEnd)
	if last := events[len(events)-1]; last.Type != "job.finished" {
		t.Errorf("the job ended with %s", last.Type)
	}
	if d := p.egress(t); len(d) != 1 || d[0].To != f.base {
		t.Errorf("the egress log says %+v", d)
	}
	args := append([]string{"peer", "pause"}, f.peerArgs(0)...)
	if _, code := output(t, trustless, args...); code != 3 {
		t.Errorf("pause over an unknown CA: exit %d, want 3", code)
	}
	p.says(t, "available=false") // recorded by the peer itself
}

// TestPeersOutliveTheServer kills the network in the middle of a job and starts
// it again: the peers, which nobody touched, go on.
func TestPeersOutliveTheServer(t *testing.T) {
	t.Parallel()
	dir, listen := filepath.Join(t.TempDir(), "dev"), "127.0.0.1:"+freePort(t)
	f := startFleetIn(t, dir, listen, 2)
	for i := range 2 {
		f.join(t, i, 2, openPolicy)
	}
	id := f.submit(t, fmt.Sprintf(peerJob, 3, 2, 0, 4))
	f.follow(t, id, func(e v1.Event) bool { return e.Type == "round.final" })
	f.end(t, syscall.SIGKILL)
	f = startFleetIn(t, dir, listen, 2)
	events := f.follow(t, id, toTheEnd)
	if last := events[len(events)-1]; last.Type != "job.finished" || count(events, "round.final") != 3 {
		t.Errorf("the job ended with %s after %d final rounds", last.Type, count(events, "round.final"))
	}
}

// TestPolicyRefusalIsRecorded lets one owner of three refuse the job: the ledger
// names the reason, the job goes on, and nothing of that peer leaves.
func TestPolicyRefusalIsRecorded(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	const reveal = "reveal: {multiple_of: 50, metrics: false}\n"
	peers := []*participant{f.join(t, 0, 3, openPolicy), f.join(t, 1, 3, openPolicy+reveal), f.join(t, 2, 3, openPolicy+"max_rounds: 1\n")}
	// With all three there, a round with two of them waits for the third's word.
	id := f.submit(t, fmt.Sprintf(peerJob, 2, 2, 20, 1)+"min_available_peers: 3\n")
	events := f.follow(t, id, toTheEnd)
	if last := events[len(events)-1]; last.Type != "job.finished" {
		t.Fatalf("the job ended with %s", last.Type)
	}
	declined, reserved := 0, peers[1].egress(t)[0].Peer
	for _, e := range events {
		switch a := answerIn(t, e); {
		case e.Type == "update.declined":
			declined++
			if a.Reason != "policy" {
				t.Errorf("declined for %q", a.Reason)
			}
		case e.Type == "update.submitted" && (a.Peer == reserved) != (a.Metrics == nil):
			t.Errorf("peer %s tells metrics %v", a.Peer, a.Metrics)
		case e.Type == "update.submitted" && a.Peer == reserved && a.NumExamples%50 != 0:
			t.Errorf("peer %s tells of %d examples", a.Peer, a.NumExamples)
		}
	}
	if declined != 2 {
		t.Errorf("%d rounds of 2 were declined", declined)
	}
	out, code := output(t, f.env, "job", "show", id.String())
	if code != 0 || !strings.Contains(out, "round 2 is declined by peer") || !strings.Contains(out, ": policy") {
		t.Errorf("job show says, with exit %d,\n%s", code, out)
	}
	if n := len(peers[2].egress(t)); n != 0 {
		t.Errorf("%d files left the peer that refused", n)
	}
}

// TestPeerChangesItsKey has a peer take another key while its job runs, without
// an overlap: it is laid in the file's place first, listed then, and taken up. No
// round is void or lacks the peer, and after a restart the ledger says whose the
// key is that the genesis does not know.
func TestPeerChangesItsKey(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	peers := []*participant{f.join(t, 0, 2, openPolicy), f.join(t, 1, 2, openPolicy)}
	id := f.submit(t, fmt.Sprintf(peerJob, 6, 2, 0, 200))
	f.follow(t, id, func(e v1.Event) bool { return e.Type == "round.final" })
	old, next := f.identity(0)+".old", f.identity(0)+".next"
	if err := os.Link(f.identity(0), old); err != nil {
		t.Fatal(err)
	}
	if out, code := output(t, f.env, "identity", "rotate", "--genesis", f.genesis, "--identity", old, "--to", next, "--overlap", "0s"); code != 0 {
		t.Fatalf("rotate: exit %d: %s", code, out)
	}
	if err := os.Rename(next, f.identity(0)); err != nil {
		t.Fatal(err)
	}
	peers[0].says(t, "goes on with another key")
	if j, err := f.client.Job(t.Context(), id); err != nil || j.State != "running" {
		t.Fatalf("the job is %s already, %v: too short for this test", j.State, err)
	}
	events := f.follow(t, id, toTheEnd)
	if last := events[len(events)-1]; last.Type != "job.finished" {
		t.Fatalf("the job ended with %s: %s", last.Type, last.Data)
	}
	answers := 0
	for _, e := range events {
		switch e.Type {
		case "update.submitted":
			answers++
		case "update.declined", "round.void":
			t.Errorf("%s: %s", e.Type, e.Data)
		}
	}
	if answers != 12 {
		t.Errorf("%d updates in 6 rounds of two peers", answers)
	}
	if code := peers[0].end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("the peer ended with %d", code)
	}
	peers[0] = f.join(t, 0, 2, openPolicy)
	peers[0].says(t, "peer is registered")
}

// TestPauseHoldsAtOnce pauses a peer while it trains for long, wants the round
// declined and nothing to have left, and the peer still paused after a restart.
func TestPauseHoldsAtOnce(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	p := f.join(t, 0, 1, openPolicy)
	long := strings.ReplaceAll(peerJob, "batch_size: 8", "batch_size: 1") // than a command takes on a busy machine
	id := f.submit(t, fmt.Sprintf(long, 1, 1, 0, 1000))
	f.follow(t, id, func(e v1.Event) bool { return e.Type == "round.opened" })
	begin := time.Now()
	out, code := output(t, f.env, append([]string{"peer", "pause", "--json"}, f.peerArgs(0)...)...)
	recorded := lastLine[struct {
		Peer      string `json:"peer"`
		Available bool   `json:"available"`
	}](t, out)
	if code != 0 || recorded.Available {
		t.Fatalf("pause: exit %d, %+v", code, recorded)
	}
	events := f.follow(t, id, func(e v1.Event) bool { return e.Type == "update.declined" || e.Type == "update.submitted" })
	if last := events[len(events)-1]; last.Type != "update.declined" || answerIn(t, last).Reason != "policy" {
		t.Fatalf("the round ended with %s: %s", last.Type, last.Data)
	}
	t.Logf("declined %s after the pause was asked for", time.Since(begin))
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("the peer ended with %d", code)
	}
	p = f.join(t, 0, 1, openPolicy)
	who, err := ledger.ParseID(recorded.Peer)
	if err != nil {
		t.Fatal(err)
	}
	p.says(t, "available=false")
	if row, err := f.client.Peer(t.Context(), who); err != nil || row.Available {
		t.Errorf("after the restart the ledger says %+v, %v", row, err)
	}
	if n := len(p.egress(t)); n != 0 {
		t.Errorf("%d files left a paused peer", n)
	}
	if _, code := output(t, f.env, append([]string{"peer", "resume"}, f.peerArgs(0)...)...); code != 0 {
		t.Errorf("resume: exit %d", code)
	}
	p.says(t, "available=true")
	if row, err := f.client.Peer(t.Context(), who); err != nil || !row.Available {
		t.Errorf("after resume the ledger says %+v, %v", row, err)
	}
}

// says waits until the peer has logged the text.
func (p *participant) says(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		b, err := os.ReadFile(p.log)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b[p.logged:]), text) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("the peer does not say %q:\n%s", text, b)
		}
	}
}

// TestPeerRefusesToStart wants a peer that can't be right to end with the code
// and the words that say why.
func TestPeerRefusesToStart(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	dir := t.TempDir()
	rules, job := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "job.yaml")
	if err := os.WriteFile(rules, []byte(openPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(job, fmt.Appendf(nil, peerJob, 1, 1, 0, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	other := ledger.Hash([]byte("another chain")).String()
	const digits = "digits:1/1?seed=1"
	for _, c := range []struct {
		name                            string
		genesis, identity, data, policy string
		code                            int
	}{
		{"another chain", other, f.identity(0), digits, rules, 1},
		{"a stranger's key", f.genesis, filepath.Join(f.dir, "node-0", "key"), digits, rules, 1},
		{"no digest", "abc", f.identity(0), digits, rules, 2},
		{"no key", f.genesis, filepath.Join(dir, "nothing"), digits, rules, 2},
		{"no data", f.genesis, f.identity(0), "csv:" + dir + "/x?label=a&schema=b", rules, 2},
		{"no policy", f.genesis, f.identity(0), digits, "", 2},
		{"a job as the policy", f.genesis, f.identity(0), digits, job, 2},
	} {
		_, code := output(t, f.env, "peer", "run", "--genesis", c.genesis, "--identity", c.identity, "--data", c.data, "--policy", c.policy,
			"--egress", filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-")))
		if code != c.code {
			t.Errorf("%s: exit %d, want %d", c.name, code, c.code)
		}
	}
	for text, want := range map[string]int{openPolicy: 0, "creators: [any]\nmodels: [mlp]\n": 1, "models: [any]\n": 2} {
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, code := output(t, nil, "peer", "policy", "test", "--policy", rules, "-f", job, "--json"); code != want {
			t.Errorf("%q: exit %d, want %d", text, code, want)
		}
	}
}

// TestPolicyNamesColumns: the dry run looks at the data that the peer would
// train on, and names a column that the owner did not allow.
func TestPolicyNamesColumns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"rows.csv":    "age,postcode,ill\n30,1000,no\n40,2000,yes\n",
		"schema.yaml": "columns:\n  - {name: age, type: integer, min: 0, max: 120}\n  - {name: ill, type: category, values: [\"no\", \"yes\"]}\n",
		"wide.yaml":   "columns:\n  - {name: age, type: integer, min: 0, max: 120}\n  - {name: postcode, type: integer, min: 0, max: 9999}\n  - {name: ill, type: category, values: [\"no\", \"yes\"]}\n",
		"policy.yaml": "creators: [any]\nmodels: [any]\ncolumns: [age, ill]\n",
		"job.yaml":    "num_rounds: 1\nmin_train_peers: 1\nmodel: {name: logistic, layers: [1, 2]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	test := func(schema string) (string, int) {
		return output(t, nil, "peer", "policy", "test", "--policy", filepath.Join(dir, "policy.yaml"), "-f", filepath.Join(dir, "job.yaml"),
			"--data-root", dir, "--data", "csv:rows.csv?label=ill&schema="+schema)
	}
	if out, code := test("schema.yaml"); code != 0 {
		t.Errorf("allowed columns: exit %d, %s", code, out)
	}
	if out, code := test("wide.yaml"); code != 1 || !strings.Contains(out, `columns: "postcode" is not listed`) {
		t.Errorf("another column: exit %d, %s", code, out)
	}
}

// TestPeerPage reads the examples of the page about peers.
func TestPeerPage(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "peer.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(b), "```yaml\n")
	if len(blocks) != 3 {
		t.Fatalf("%d examples in YAML, want schema and policy", len(blocks)-1)
	}
	example := func(i int) []byte {
		text, _, _ := strings.Cut(blocks[i], "```")
		return []byte(text)
	}
	schema, err := data.ParseSchema(example(1))
	if err != nil {
		t.Error(err)
	}
	if _, err := data.ReadTable(strings.NewReader("ill,sex,age,marker\nyes,f,7,\n"), schema, "ill"); err != nil {
		t.Error(err)
	}
	if _, err := policy.Parse(example(2)); err != nil {
		t.Error(err)
	}
}
