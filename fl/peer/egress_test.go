package peer_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/peer"
)

func departure(job byte) peer.Departure {
	return peer.Departure{
		Time: time.Unix(int64(job), 0).UTC(), Digest: ledger.Digest{job}, Size: 3, To: "https://node.example",
		Job: ledger.Digest{job}, Round: 1, Attempt: 1, Rule: "creators[0], models[0]",
	}
}

func openEgress(t *testing.T, path string) *peer.Egress {
	t.Helper()
	e, err := peer.OpenEgress(path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEgressOutlivesItsProcess writes, opens again behind a torn line, and wants
// what was durable to be there and to count.
func TestEgressOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "egress.jsonl")
	e := openEgress(t, path)
	for _, job := range []byte{1, 2, 1} {
		if err := e.Record(departure(job)); err != nil {
			t.Fatal(err)
		}
	}
	if e.OtherJobs(ledger.Digest{1}) != 1 || e.OtherJobs(ledger.Digest{9}) != 2 {
		t.Errorf("%d and %d other jobs, want 1 and 2", e.OtherJobs(ledger.Digest{1}), e.OtherJobs(ledger.Digest{9}))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range bytes.IndexByte(whole, '\n') {
		torn := append(bytes.Clone(whole), whole[:cut]...)
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		e := openEgress(t, path)
		if n := e.OtherJobs(ledger.Digest{9}); n != 2 {
			t.Fatalf("cut at %d: %d jobs, want 2", cut, n)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("cut at %d: %d bytes are left of %d, %v", cut, len(got), len(whole), err)
		}
	}
	departures, err := peer.ReadEgress(bytes.NewReader(whole))
	if err != nil || len(departures) != 3 || departures[1] != departure(2) {
		t.Errorf("read back %+v, %v", departures, err)
	}
}

func TestEgressBelongsToOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "egress.jsonl")
	e := openEgress(t, path)
	if _, err := peer.OpenEgress(path); err == nil {
		t.Error("a second one opened it")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := openEgress(t, path).Close(); err != nil {
		t.Error(err)
	}
}

// TestEgressStaysFailed takes the file away under the log: from then on nothing
// may leave, whatever happens later.
func TestEgressStaysFailed(t *testing.T) {
	t.Parallel()
	e := openEgress(t, filepath.Join(t.TempDir(), "egress.jsonl"))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	first, second := e.Record(departure(1)), e.Record(departure(1))
	if !errors.Is(first, os.ErrClosed) || !errors.Is(second, os.ErrClosed) || !strings.Contains(second.Error(), "start the peer again") {
		t.Errorf("%v, then %v", first, second)
	}
	if e.OtherJobs(ledger.Digest{9}) != 0 {
		t.Error("a file that may not leave is counted")
	}
}

func TestEgressRefusesForeignLines(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":          "left the building\n",
		"an unknown field": "{\"file\":1}\n",
		"no job":           "{}\n",
		"a huge line":      strings.Repeat("x", 10_000) + "\n",
	} {
		path := filepath.Join(t.TempDir(), "egress.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := peer.OpenEgress(path); !errors.Is(err, peer.ErrEgress) {
			t.Errorf("%s: %v, want ErrEgress", name, err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func FuzzReadEgress(f *testing.F) {
	f.Add([]byte(`{"time":"2026-01-01T00:00:00Z","digest":"` + strings.Repeat("01", 32) + `","job":"` + strings.Repeat("02", 32) + "\"}\n"))
	f.Add([]byte("{}\n{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		departures, err := peer.ReadEgress(bytes.NewReader(b))
		if err != nil && !errors.Is(err, peer.ErrEgress) {
			t.Errorf("%v is no ErrEgress", err)
		}
		if err == nil && len(departures) != bytes.Count(b, []byte{'\n'}) {
			t.Errorf("%d lines of %q", len(departures), b)
		}
	})
}
