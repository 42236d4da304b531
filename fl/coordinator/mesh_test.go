package coordinator_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/contract/contracttest"
	"github.com/librum/librum/fl/coordinator"
)

func TestEnsure(t *testing.T) {
	t.Parallel()
	f, err := newFleet(t.Context(), 3, 3, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	content := []byte("a model, as far as a blob store knows")
	digest, size := ledger.Hash(content), uint64(len(content))
	if err := f.services[0].Ensure(t.Context(), digest, size); !errors.Is(err, coordinator.ErrUnavailable) || !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a file that nobody has: %v, want %v", err, coordinator.ErrUnavailable)
	}
	if _, _, err := f.blobs[2].Put(t.Context(), bytes.NewReader(content), 1<<10); err != nil {
		t.Fatal(err)
	}
	if err := f.services[0].Ensure(t.Context(), digest, size+1); !errors.Is(err, coordinator.ErrUnavailable) {
		t.Errorf("a file of another size: %v, want %v", err, coordinator.ErrUnavailable)
	}
	if err := f.services[0].Ensure(t.Context(), digest, size); err != nil {
		t.Fatal(err)
	}
	if err := f.blobs[2].Delete(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if err := f.services[1].Ensure(t.Context(), digest, size); err != nil { // from node 0 now
		t.Error(err)
	}
	f.mesh.Leave(contracttest.ID(contracttest.Node(0)))
	f.mesh.Leave(contracttest.ID(contracttest.Node(1)))
	if err := f.services[2].Ensure(t.Context(), digest, size); !errors.Is(err, coordinator.ErrUnavailable) {
		t.Errorf("once the others have left: %v, want %v", err, coordinator.ErrUnavailable)
	}
}

// TestDamagedFileIsReplaced has a node find its own copy damaged: it gets
// another one.
func TestDamagedFileIsReplaced(t *testing.T) {
	t.Parallel()
	f, err := newFleet(t.Context(), 2, 2, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	disk := vfs.NewMem()
	damaged, err := file.Open(t.Context(), disk, "blobs", file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f.blobs[0] = damaged
	f.restart()
	content := bytes.Repeat([]byte("weights "), 1<<10)
	digest, size := ledger.Hash(content), uint64(len(content))
	for _, store := range f.blobs {
		if _, _, err := store.Put(t.Context(), bytes.NewReader(content), int64(size)); err != nil {
			t.Fatal(err)
		}
	}
	w, err := disk.Create(disk.PathJoin("blobs", digest.String()[:2], digest.String()), vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.Clone(content[:100])); err != nil { // pebble scribbles over it under the race detector
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.services[0].Ensure(t.Context(), digest, size); err != nil {
		t.Fatal(err)
	}
	b, err := damaged.Get(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, error %v; want the content again", len(got), err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestRestartedNodeIsAskedOnce has a node join the mesh again: its service of
// before is asked no more.
func TestRestartedNodeIsAskedOnce(t *testing.T) {
	t.Parallel()
	f, err := newFleet(t.Context(), 2, 2, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	f.restart()
	err = f.services[0].Ensure(t.Context(), ledger.Digest{1}, 1)
	if err == nil {
		t.Fatal("a file that nobody has was found")
	}
	if n := strings.Count(err.Error(), "node "+contracttest.ID(contracttest.Node(1)).Short()); n != 1 {
		t.Errorf("node 1 was asked %d times, want once: %v", n, err)
	}
}
