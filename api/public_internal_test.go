package api

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// rows is a state that counts its reads.
type rows struct {
	mu          sync.Mutex
	byKey       map[contract.Key][]byte
	gets, scans int
}

func (r *rows) Get(key contract.Key) ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gets++
	value, ok := r.byKey[key]
	return value, ok, nil
}

func (r *rows) Scan(prefix, after contract.Key, limit int) (found []contract.Row, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scans++
	for key, value := range r.byKey {
		if strings.HasPrefix(string(key), string(prefix)) && key > after {
			found = append(found, contract.Row{Key: key, Value: value})
		}
	}
	slices.SortFunc(found, func(a, b contract.Row) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return found[:min(limit, len(found))], nil
}

func (r *rows) put(t *testing.T, key contract.Key, row any) {
	t.Helper()
	b, err := ledger.Encode(row)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byKey[key] = b
}

// Digests that do not exist cost one pass for all who ask for them, and a pass
// reads what is new and nothing twice.
func TestPublicIsAnIndex(t *testing.T) {
	t.Parallel()
	const jobs, rounds = 300, 3
	state := &rows{byKey: map[contract.Key][]byte{}}
	model := func(j int, round uint64) ledger.Digest {
		return ledger.Hash([]byte{byte(j), byte(j >> 8), byte(round)})
	}
	id := func(j int) ledger.Digest { return ledger.Digest{byte(j), byte(j >> 8)} }
	spec := job.Defaults()
	for j := range jobs {
		for n := uint64(1); n <= rounds; n++ {
			state.put(t, fl.RoundRow(id(j), n), &fl.Round{State: job.RoundFinal, Model: model(j, n), ModelSize: n})
		}
		state.put(t, fl.JobRow(id(j)), &fl.Job{
			Spec: spec, State: job.StateFinished, Round: rounds, Model: model(j, rounds+1), ModelSize: rounds + 1, Card: model(j, 9), CardSize: 9,
		})
	}
	running := &fl.Job{Spec: spec, State: job.StateRunning, Round: 1, Model: ledger.Digest{1}, ModelSize: 1}
	state.put(t, fl.JobRow(id(jobs)), running)
	state.put(t, fl.RoundRow(id(jobs), 1), &fl.Round{State: job.RoundOpen, Model: ledger.Digest{1}, ModelSize: 1})

	p := newPublic(func(context.Context) contract.Range { return state })
	for j := range jobs {
		for _, n := range []uint64{1, 2, 3, 4, 9} {
			if file, ok, err := p.find(t.Context(), model(j, n), nil); err != nil || !ok || file.Size != n || file.Digest != model(j, n) {
				t.Fatalf("model %d of job %d: %+v %v, error %v", n, j, file, ok, err)
			}
		}
	}
	if want := jobs*rounds + 1; state.gets != want {
		t.Errorf("%d rounds were read, want each once: %d", state.gets, want)
	}
	pass := state.scans
	var asking sync.WaitGroup
	for range 50 {
		asking.Go(func() {
			if _, ok, err := p.find(t.Context(), ledger.Digest{2}, nil); ok || err != nil {
				t.Errorf("found what does not exist: %v, error %v", ok, err)
			}
		})
	}
	asking.Wait()
	if most := 3 * pass; state.scans > most { // the first pass may begin before some have asked
		t.Errorf("50 who ask for nothing: %d scans in all, want at most %d", state.scans, most)
	}
	if want := jobs*rounds + 1; state.gets != want {
		t.Errorf("rounds were read again: %d reads, want %d", state.gets, want)
	}
	running.Round, running.Model = 2, ledger.Digest{3}
	state.put(t, fl.RoundRow(id(jobs), 2), &fl.Round{State: job.RoundOpen, Model: ledger.Digest{3}, ModelSize: 1})
	state.put(t, fl.JobRow(id(jobs)), running)
	if _, ok, err := p.find(t.Context(), ledger.Digest{3}, nil); !ok || err != nil {
		t.Errorf("a new model: %v, error %v", ok, err)
	}
}
