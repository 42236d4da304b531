package pebble_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/chain/store/storetest"
)

// TestDiskFullWhileOpening opens a store with blocks in its write-ahead log on a
// file system that fails from any one change on: by each, opening ends with
// that failure, says little and leaves a store that opens whole once the
// failure is gone.
func TestDiskFullWhileOpening(t *testing.T) {
	t.Parallel()
	whole := vfs.NewMem()
	s := open(t, "store", owned(whole))
	for height := range uint64(3) {
		if err := s.Apply(t.Context(), storetest.NewCommit(height, nil)); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	for _, reason := range []error{syscall.ENOSPC, syscall.EACCES} {
		for after := int64(0); ; after++ {
			mem := vfs.NewMem()
			if _, err := vfs.Clone(whole, mem, "store", "store"); err != nil {
				t.Fatal(err)
			}
			var changes atomic.Int64
			failing := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
				if !changing(op.Kind) || filepath.Base(op.Path) == "LOCK" || changes.Add(1) <= after {
					return nil
				}
				return fmt.Errorf("change %s: %w", op.Path, reason)
			}))
			var out bytes.Buffer
			opts := owned(failing)
			opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
			s, err := pebble.Open("store", opts)
			if err == nil {
				_ = s.Close() // which may fail too
			} else if !errors.Is(err, reason) {
				t.Errorf("open with %v after %d changes: %v", reason, after, err)
			}
			if lines := strings.Count(out.String(), "\n"); lines > 3 {
				t.Errorf("open with %v after %d changes logs %d lines:\n%s", reason, after, lines, &out)
			}
			again := open(t, "store", owned(mem))
			if at, ok, err := again.Applied(t.Context()); err != nil || !ok || at.Height != 2 {
				t.Errorf("opened again after %d changes and %v it stands at %+v, %v, want height 2", after, reason, at, err)
			}
			if err == nil {
				if after < 10 {
					t.Errorf("opening takes %d changes, too few to have met the flush", after)
				}
				break
			}
		}
	}
}

func changing(kind errorfs.OpKind) bool {
	switch kind { // the others read
	case errorfs.OpCreate, errorfs.OpLink, errorfs.OpRename, errorfs.OpReuseForWrite,
		errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return true
	}
	return false
}

// TestDiskFullBehind lets fail what Pebble writes in the background. The store
// serves no more, says why once and opens again whole; nothing hangs or panics.
func TestDiskFullBehind(t *testing.T) {
	t.Parallel()
	for _, part := range []string{".sst", "MANIFEST-"} {
		mem := vfs.NewMem()
		var fail errorfs.Toggle
		fail.Injector = errorfs.InjectorFunc(func(op errorfs.Op) error {
			if changing(op.Kind) && strings.Contains(filepath.Base(op.Path), part) {
				return syscall.ENOSPC
			}
			return nil
		})
		var out bytes.Buffer
		opts := owned(errorfs.Wrap(mem, &fail))
		opts.Logger = slog.New(slog.NewTextHandler(&out, nil))
		s, err := pebble.Open("store", opts)
		if err != nil {
			t.Fatal(err)
		}
		for height := range uint64(3) {
			if err := s.Apply(t.Context(), storetest.NewCommit(height, nil)); err != nil {
				t.Fatal(err)
			}
		}
		fail.On()
		if err := s.Prune(t.Context(), 2, nil); !errors.Is(err, store.ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("prune where %s can't be written: %v, want ErrFailed and why", part, err)
		}
		if err := s.Apply(t.Context(), storetest.NewCommit(3, nil)); !errors.Is(err, store.ErrFailed) {
			t.Errorf("apply afterwards: %v, want ErrFailed", err)
		}
		_ = s.Close() // says again that it failed, or nothing
		if lines := strings.Count(out.String(), "\n"); lines > 3 {
			t.Errorf("where %s can't be written the log has %d lines:\n%s", part, lines, &out)
		}
		again := open(t, "store", owned(mem))
		if at, ok, err := again.Applied(t.Context()); err != nil || !ok || at.Height != 2 {
			t.Errorf("opened again it stands at %+v, %v, want height 2", at, err)
		}
	}
}
