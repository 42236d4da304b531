package aggregation_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"testing/iotest"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

// TestPromisedSpace holds that what is left of the disk is promised once: what was
// announced counts until it is written, over all aggregations and restarts.
func TestPromisedSpace(t *testing.T) {
	t.Parallel()
	const left = 1000
	content := file(t, 1)
	size := int64(len(content))
	b := start(t, aggregation.Limits{FreeBytes: left})
	b.free = left + 3*size
	one, two := b.create("one", job.Strategy{Name: "fedavg"}), b.create("two", job.Strategy{Name: "fedavg"})
	announce := func(id ledger.Digest, name string, x float32, want error) {
		t.Helper()
		if _, err := b.Announce(t.Context(), id, announcement(name, file(t, x), 1)); !errors.Is(err, want) {
			t.Errorf("announce %s: %v, want %v", name, err, want)
		}
	}
	announce(one, "u1", 1, nil)
	announce(two, "u2", 2, nil)
	announce(one, "u3", 3, nil)
	announce(two, "u4", 4, blob.ErrFull)

	// What is written is no promise any more; the disk has the less.
	b.send(one, announcement("u1", content, 1), content)
	if _, err := b.Append(t.Context(), two, "u2", 0, bytes.NewReader(file(t, 2)[:10])); err != nil {
		t.Fatal(err)
	}
	b.free -= size + 10
	for range 2 {
		announce(two, "u4", 4, blob.ErrFull)
		b.free += size
		announce(two, "u4", 4, nil)
		b.free -= 1 // so that no more fits
		announce(two, "u5", 5, blob.ErrFull)
		b.free += 10 - (size - 1)
		if err := b.Delete(two); err != nil { // gives back its promises
			t.Fatal(err)
		}
		two = b.create("two", job.Strategy{Name: "fedavg"})
		announce(two, "u2", 2, nil)
		if _, err := b.Append(t.Context(), two, "u2", 0, bytes.NewReader(file(t, 2)[:10])); err != nil {
			t.Fatal(err)
		}
		b.free -= 10
		b.close()
		b.open()
	}

	// A part that turns out to be other bytes is owed again.
	bad := bytes.Clone(file(t, 3))
	bad[size-1] ^= 1
	if _, err := b.Append(t.Context(), one, "u3", 0, bytes.NewReader(bad)); !errors.Is(err, blob.ErrDigest) {
		t.Fatal(err)
	}
	announce(two, "u4", 4, blob.ErrFull)
}

// TestDiskFillsMeanwhile holds that a part is refused where others have filled the
// disk since its input was announced, also by parts that are on their way.
func TestDiskFillsMeanwhile(t *testing.T) {
	t.Parallel()
	const left = 1000
	size := int64(len(file(t, 1)))
	b := start(t, aggregation.Limits{FreeBytes: left})
	id := b.create("a", job.Strategy{Name: "fedavg"})
	for i := range 2 {
		if _, err := b.Announce(t.Context(), id, announcement(fmt.Sprint("u", i), file(t, float32(i)), 1)); err != nil {
			t.Fatal(err)
		}
	}
	b.free = left + size - 1
	if _, err := b.Append(t.Context(), id, "u0", 0, bytes.NewReader(file(t, 0))); !errors.Is(err, blob.ErrFull) {
		t.Errorf("a part that does not fit: %v", err)
	}
	b.free = left + size
	second := readerFunc(func([]byte) (int, error) {
		if _, err := b.Append(t.Context(), id, "u1", 0, bytes.NewReader(file(t, 1))); !errors.Is(err, blob.ErrFull) {
			t.Errorf("a part beside one that takes the rest: %v", err)
		}
		return 0, iotest.ErrTimeout
	})
	if _, err := b.Append(t.Context(), id, "u0", 0, second); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("the part that broke off: %v", err)
	}
	b.send(id, announcement("u1", file(t, 1), 1), file(t, 1))
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
