package peer_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/peer"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing with them")

// hexBytes is bytes in hexadecimal.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

// vectors are tasks and what a peer must make of them; the peer in Python reads
// the same file.
type vectors struct {
	Chain ledger.Digest `json:"chain"`
	Shard uint32        `json:"shard"`
	Group hexBytes      `json:"group"` // of the genesis, encoded
	Tasks []vector      `json:"tasks"`
}

type vector struct {
	Name    string        `json:"name"`
	Peer    ledger.ID     `json:"peer"`
	Job     ledger.Digest `json:"job"`
	Round   uint64        `json:"round"`
	Attempt uint64        `json:"attempt"`
	Proof   hexBytes      `json:"proof"`
	Holds   bool          `json:"holds"`
	Epoch   bool          `json:"epoch"` // refused since the group is not known yet
	Opened  *said         `json:"opened,omitempty"`
}

// said is what a proof that holds says.
type said struct {
	Creator   ledger.ID     `json:"creator"`
	Term      uint64        `json:"term"`
	Model     ledger.Digest `json:"model"`
	ModelSize uint64        `json:"model_size"`
	State     ledger.Digest `json:"state"`
	StateSize uint64        `json:"state_size"`
	Cohort    []ledger.ID   `json:"cohort"`
	Deadline  int64         `json:"deadline"`
	Spec      job.Spec      `json:"spec"`
	Seed      ledger.Digest `json:"seed"`
	Roster    uint64        `json:"roster"`
	Withheld  []ledger.ID   `json:"withheld"`
}

// TestVectors holds the tasks that both peers are tested with against their file.
func TestVectors(t *testing.T) {
	t.Parallel()
	o, err := open(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	group, err := ledger.Encode(&o.Group)
	if err != nil {
		t.Fatal(err)
	}
	v := vectors{Chain: o.Chain, Group: group}
	add := func(name string, self int, task *peer.Task) {
		opened, err := peer.CheckTask(task, contracttest.ID(contracttest.Peer(self)), o.groups())
		e := vector{
			Name: name, Peer: contracttest.ID(contracttest.Peer(self)), Job: task.Job, Round: task.Round, Attempt: task.Attempt,
			Proof: task.Proof, Holds: err == nil, Epoch: errors.Is(err, ledger.ErrEpoch),
		}
		if err == nil {
			e.Opened = saidBy(opened)
		}
		v.Tasks = append(v.Tasks, e)
	}
	for _, self := range []int{0, 1} {
		s, err := o.ask()
		if err != nil {
			t.Fatal(err)
		}
		add("a proof that holds", self, s.task)
	}
	rich, err := o.proof(func(b *block) {
		opened := o.event
		opened.State, opened.StateSize = ledger.Digest{7}, 40
		opened.Spec.Parameters = job.Parameters{Share: []string{"layer*"}, KeepLocal: []string{"*.bias"}}
		opened.Spec.EarlyStop = job.EarlyStop{Metric: "loss", Patience: 2, Mode: job.ModeMin}
		data, err := ledger.Encode(&opened)
		if err != nil {
			t.Error(err)
		}
		b.results[1].Events = []ledger.Event{{Type: fl.EventTermTaken, Data: []byte{0xa0}}, {Type: fl.EventRoundOpened, Data: data}}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	add("a proof that says all there is to say", 0, &peer.Task{Job: o.id, Round: 1, Attempt: 1, Proof: rich})
	for _, d := range deceits {
		s, err := d.server(o)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.task.Proof) <= 1<<16 { // nothing but zeros
			add(d.name, d.self, s.task)
		}
	}
	drawn, err := openDrawn()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range drawings {
		task, self, err := d.task(drawn)
		if err != nil {
			t.Fatal(err)
		}
		add("drawn: "+d.name, self, task)
	}
	golden(t, "tasks.json", &v)
}

func saidBy(opened *fl.RoundOpened) *said {
	return &said{
		Creator: opened.Creator, Term: opened.Term, Model: opened.Model, ModelSize: opened.ModelSize, State: opened.State,
		StateSize: opened.StateSize, Cohort: opened.Cohort, Deadline: opened.Deadline, Spec: opened.Spec,
		Seed: opened.Seed, Roster: opened.Roster, Withheld: opened.Withheld,
	}
}

// TestEgressVectors holds lines of the egress log against a file that the peer in
// Python writes too.
func TestEgressVectors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "egress.jsonl")
	e := openEgress(t, path)
	for i, when := range []time.Time{
		time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 1, 8, 0, 0, 120_000_000, time.UTC),
		time.Date(2026, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		n := byte(i + 1)
		d := departure(n)
		d.Time, d.Size, d.Round, d.Attempt, d.NumExamples = when, 1<<40+uint64(n), uint64(n), 2, 77
		d.Chain, d.Peer, d.Creator, d.Policy = ledger.Digest{0xc}, ledger.ID{0xab, n}, ledger.ID{0xcd, n}, ledger.Digest{0xef}
		d.To, d.Rule = "https://node.example/a&b", `creators["<any>"], models[1]`
		if err := e.Record(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "egress.jsonl", b)
}

func golden(t *testing.T, name string, value any) {
	t.Helper()
	b, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	compare(t, name, append(b, '\n'))
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is another; look at the difference after -rewrite", path)
	}
}
