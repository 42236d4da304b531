package provenance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"strings"
	"testing"

	predicate "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/provenance"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata")

// rows is a state that can be changed.
type rows map[contract.Key][]byte

func (r rows) Get(key contract.Key) ([]byte, bool, error) {
	b, ok := r[key]
	return b, ok, nil
}

func (r rows) put(key contract.Key, row any) error {
	b, err := ledger.Encode(row)
	r[key] = b
	return err
}

var id = ledger.Digest{1}

// finished returns the rows of a job of two rounds by FedAvgM, which remembers
// something; the second refused one update, and one node dissented.
func finished() (rows, error) {
	r := rows{}
	spec := job.Defaults()
	spec.NumRounds, spec.Strategy.Name = 2, "fedavgm"
	spec.Model.Layers = []int64{4, 3}
	peers := []ledger.ID{{1}, {2}, {3}}
	nodes := []ledger.ID{{7}, {8}}
	errs := []error{
		r.put(fl.ChainRow, &fl.Chain{Chain: ledger.Digest{9}}),
		r.put(fl.JobRow(id), &fl.Job{
			Creator: ledger.ID{5}, Created: 1_000, Spec: spec, State: job.StateFinished, Round: 2, Finals: 2,
			Model: ledger.Digest{12}, ModelSize: 100, Card: ledger.Digest{77},
		}),
	}
	for number := uint64(1); number <= 2; number++ {
		commit := fl.Commit{
			Attempt: 1, Term: number, Node: nodes[0], Set: ledger.Digest{20 + byte(number)}, Count: 4 - number,
			Model: ledger.Digest{10 + byte(number)}, Metrics: fl.Metrics{"accuracy": 0.75, "eval_loss": 1e-9},
		}
		if number == 2 {
			commit.Refused = []fl.Refused{{Peer: peers[2], Reason: aggregator.RefusedNaN}}
		}
		errs = append(errs,
			r.put(fl.RoundRow(id, number), &fl.Round{
				Attempt: 1, State: job.RoundFinal, CommitTerm: number, Model: ledger.Digest{9 + byte(number)},
				Opened: int64(1_500 * number), Ended: int64(1_500*number + 700),
			}),
			r.put(fl.CommitRow(id, number, number), &commit),
			r.put(fl.StateRow(id, number, number), &fl.State{Digest: ledger.Digest{30 + byte(number)}, Size: 8}),
			r.put(fl.GroupRow(id, number), &ledger.Group{Nodes: []ledger.GroupNode{{Node: nodes[0]}, {Node: nodes[1]}}}),
			r.put(fl.CohortRow(id, number), &fl.Cohort{Attempt: 1, Peers: peers}),
			r.put(fl.AttestRow(id, number, number, nodes[0]), &fl.Attestation{Attempt: 1}),
			r.put(fl.AttestRow(id, number, number, nodes[1]), &fl.Attestation{Attempt: 1, Dissent: fl.DissentModel}),
		)
		for i, p := range peers {
			errs = append(errs, r.put(fl.UpdateRow(id, number, p), &fl.Update{
				Attempt: 1, State: fl.UpdateSubmitted, Digest: ledger.Digest{100 + byte(i)}, NumExamples: uint64(10 * (i + 1)),
			}))
		}
	}
	return r, errors.Join(errs...)
}

func line(t *testing.T, version uint64) *provenance.Line {
	t.Helper()
	r, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	l, err := provenance.Read(r, id, version)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func golden(t *testing.T, path string, make func() ([]byte, error)) []byte {
	t.Helper()
	got, err := make()
	if err != nil {
		t.Fatal(err)
	}
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("it differs from %s; now it is\n%s", path, got)
	}
	return got
}

// TestPROV holds the document, which test/interop/test_provenance.py reads with
// the library prov.
func TestPROV(t *testing.T) {
	t.Parallel()
	b := golden(t, "testdata/prov.json", line(t, 2).PROV)
	for _, text := range []string{
		`"librum:count": 2`, `"librum:claimed_examples": 20`, "librum:card-4d", `"librum:claimed_accuracy": 0.75`, "librum:state-20",
	} {
		if !strings.Contains(string(b), text) {
			t.Errorf("the document lacks %s", text)
		}
	}
	if strings.Contains(string(b), "librum:update-66") {
		t.Error("a refused update is in the document")
	}
}

// TestStatement has in-toto's own library read and check the statement and its
// predicate, strictly: a field that it doesn't know is an error.
func TestStatement(t *testing.T) {
	t.Parallel()
	b := golden(t, "testdata/statement.json", line(t, 2).Statement)
	var s intoto.Statement
	if err := protojson.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	inner, err := protojson.Marshal(s.GetPredicate())
	if err != nil {
		t.Fatal(err)
	}
	var p predicate.Provenance
	if err := protojson.Unmarshal(inner, &p); err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	deps := p.GetBuildDefinition().GetResolvedDependencies()
	if len(deps) != 4 || deps[1].GetDigest()["sha256"] != (ledger.Digest{11}).String() || len(p.GetRunDetails().GetByproducts()) != 2 {
		t.Errorf("dependencies %v", deps)
	}
	if got := s.GetSubject()[0].GetDigest()["sha256"]; got != (ledger.Digest{12}).String() {
		t.Errorf("it is about %s", got)
	}
	// What in-toto's checks are worth: without a digest they refuse it.
	s.Subject[0].Digest = nil
	if s.Validate() == nil {
		t.Error("a statement about nothing passes")
	}
}

// TestEarlierVersion: a version that is not the last has no card, and no round
// behind it.
func TestEarlierVersion(t *testing.T) {
	t.Parallel()
	l := line(t, 1)
	if len(l.Rounds) != 1 || !l.Card.IsZero() || len(l.Updates) != 3 || len(l.Agreed) != 1 {
		t.Errorf("%+v", l)
	}
	for _, make := range []func() ([]byte, error){l.PROV, l.Statement} {
		b, err := make()
		if err != nil || !json.Valid(b) {
			t.Errorf("%v: %s", err, b)
		}
	}
}

// TestMissingRows asks for what is not there, and takes away each row in turn.
func TestMissingRows(t *testing.T) {
	t.Parallel()
	r, err := finished()
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []uint64{0, 3, 1 << 63} {
		if _, err := provenance.Read(r, id, version); !errors.Is(err, provenance.ErrNotFinal) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if _, err := provenance.Read(r, ledger.Digest{2}, 1); !errors.Is(err, provenance.ErrNotFinal) {
		t.Errorf("no job: %v", err)
	}
	// What is only asked of the last round, or may be missing for a reason.
	optional := func(key contract.Key) bool {
		for _, prefix := range []string{fl.PrefixUpdate, string(fl.GroupRow(id, 1)), string(fl.CohortRow(id, 1))} {
			if strings.HasPrefix(string(key), prefix) {
				return true
			}
		}
		for number := uint64(1); number <= 2; number++ {
			for _, node := range []ledger.ID{{7}, {8}} {
				if key == fl.AttestRow(id, number, number, node) {
					return true
				}
			}
		}
		return false
	}
	for key := range r {
		gone := maps.Clone(r)
		delete(gone, key)
		if _, err := provenance.Read(gone, id, 2); (err == nil) != optional(key) && !isState(key) {
			t.Errorf("without %q: %v", key, err)
		}
	}
}

func isState(key contract.Key) bool {
	return key == fl.StateRow(id, 1, 1) || key == fl.StateRow(id, 2, 2)
}
