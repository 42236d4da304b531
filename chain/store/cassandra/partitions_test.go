package cassandra_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store/cassandra"
	"github.com/librum/librum/chain/store/storetest"
)

// TestPartitionsOfACommit stages a commit of more than one partition's parts, is
// killed, and finishes it.
func TestPartitionsOfACommit(t *testing.T) {
	t.Parallel()
	const slotParts, mebibyte = 64, 1 << 20
	opts := owned(t)
	s := open(t, opts)
	if err := s.Apply(t.Context(), storetest.NewCommit(0, nil)); err != nil {
		t.Fatal(err)
	}
	large := storetest.NewCommit(1, map[string]string{"k": "v", "l": strings.Repeat("w", mebibyte-100)})
	large.Block = make([]byte, slotParts*mebibyte)
	cassandra.CrashAfter(s, slotParts+5) // its parts are there, and some rows
	if err := s.Apply(t.Context(), large); err == nil {
		t.Fatal("the commit was not broken off")
	}
	closeStore(t, s)
	for slot, want := range []int{slotParts + 1, 2} { // one of them the head
		if n := cql(t, fmt.Sprintf("SELECT part FROM %s.staged WHERE slot = %d", opts.Keyspace, slot)); n != want {
			t.Errorf("slot %d has %d parts, want %d", slot, n, want)
		}
	}
	again := open(t, opts)
	if block, err := again.Block(t.Context(), 1); err != nil || len(block) != len(large.Block) {
		t.Errorf("a block of %d bytes, error %v, want %d", len(block), err, len(large.Block))
	}
	if got, ok, err := again.Latest(t.Context(), []byte("k")); err != nil || !ok || string(got) != "v" {
		t.Errorf("row k is %q, %t, %v", got, ok, err)
	}
}

// TestPlacesOfCopies puts copies of one transaction into blocks, as a node that lies
// can: each block adds one row, and the first place counts.
func TestPlacesOfCopies(t *testing.T) {
	t.Parallel()
	opts := owned(t)
	s := open(t, opts)
	id := ledger.Digest{1, 2, 3}
	for height := range uint64(3) {
		c := storetest.NewCommit(height, nil)
		if height > 0 {
			c.Transactions = []ledger.Digest{{}, id, id, id}
		}
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := cql(t, "SELECT place FROM "+opts.Keyspace+".places WHERE id = ?", id[:]); n != 2 {
		t.Errorf("%d rows for 6 copies in 2 blocks", n)
	}
	if height, index, ok, err := s.Transaction(t.Context(), id); height != 1 || index != 1 || !ok || err != nil {
		t.Errorf("it stands at %d.%d, %t, %v; want 1.1", height, index, ok, err)
	}
}

// TestCrowdedBuckets fills a bucket and wants to be told.
func TestCrowdedBuckets(t *testing.T) {
	t.Parallel()
	opts := fresh(t)
	opts.Buckets = 1
	s := open(t, opts)
	cql(t, "ALTER TABLE "+opts.Keyspace+".latest WITH memtable_flush_period_in_ms = 500")
	c := storetest.NewCommit(0, nil)
	for i := range 5 {
		c.Writes = append(c.Writes, ledger.Write{Key: fmt.Appendf(nil, "large %03d", i), Value: []byte(strings.Repeat("librum", 100_000))})
	}
	if err := s.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for began := time.Now(); ; <-ticker.C {
		text, err := cassandra.Crowd(t.Context(), s, 2)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "store.cassandra.buckets") {
			break
		}
		if time.Since(began) > 2*time.Minute {
			t.Fatalf("a bucket of 3 MB is not told: %q", text)
		}
	}
	if text, err := cassandra.Crowd(t.Context(), s, 1000); text != "" || err != nil {
		t.Errorf("a bucket of 3 MB is told to have 1000: %q, %v", text, err)
	}
}
