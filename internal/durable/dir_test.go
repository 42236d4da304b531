package durable_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/internal/durable"
)

// TestMakeDirOutlivesACrash drops all that was not synced and looks for every
// directory on the way.
func TestMakeDirOutlivesACrash(t *testing.T) {
	t.Parallel()
	fs := vfs.NewCrashableMem()
	if err := durable.MakeDir(fs, "a/b/c"); err != nil {
		t.Fatal(err)
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0, RNG: rand.New(rand.NewPCG(1, 1))})
	for _, dir := range []string{"a", "a/b", "a/b/c"} {
		if info, err := after.Stat(dir); err != nil || !info.IsDir() {
			t.Errorf("%s is gone after the crash: %v", dir, err)
		}
	}
	if err := durable.MakeDir(fs, "a/b/c"); err != nil {
		t.Errorf("made again: %v", err)
	}
}

func TestSyncDirNamesTheDirectory(t *testing.T) {
	t.Parallel()
	if err := durable.SyncDir(vfs.NewMem(), "nowhere"); err == nil {
		t.Error("a directory that is not there was synced")
	}
}
