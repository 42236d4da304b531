package node_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
	"github.com/librum/librum/chain/store"
)

// quota is a disk that is full once so many more writes went below a folder.
type quota struct {
	folder string
	left   atomic.Int64
}

func (q *quota) MaybeError(op errorfs.Op) error {
	if !strings.HasPrefix(op.Path, q.folder) {
		return nil
	}
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFilePreallocate, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
	default:
		return nil // names, reads and what makes room
	}
	if q.left.Add(-1) < 0 {
		return syscall.ENOSPC
	}
	return nil
}

func (*quota) String() string { return "quota" }

const endless = 1 << 40

// TestDiskFull fills the disk of one node's store, or that of the log, at one
// write or another. Who writes there stops and says why; nothing that was
// acknowledged is lost, and once there is space again all go on.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		folder string
		want   error // of who stops
	}{
		"store": {"stores/1", store.ErrFailed},
		"log":   {"log", order.ErrFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, room := range []int64{0, 1, 2, 5} {
				fillDisk(t, tt.folder, tt.want, room)
			}
		})
	}
}

func fillDisk(t *testing.T, folder string, want error, room int64) {
	t.Helper()
	disk := &quota{folder: folder}
	disk.left.Store(endless)
	f := newFleet(t, options{fs: errorfs.Wrap(vfs.NewMem(), disk), blockTransactions: 2})
	f.start()
	all := &acknowledged{}
	all.told(f.submit(0, f.transfer(0, 1, 1))[0])
	disk.left.Store(room)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	loaded := make(chan error, 1)
	go func() { // it ends with the log, or when told to
		for {
			raw := f.transfer(0, 1, 1)
			all.send(raw)
			outcomes, err := f.node(0).Submit(ctx, [][]byte{raw})
			if err != nil {
				loaded <- err
				return
			}
			all.told(outcomes[0])
		}
	}()
	if err := <-f.members[1].done; !errors.Is(err, want) || !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		t.Errorf("with room for %d writes, node 1 ended with %v; want %v and its reason", room, err, want)
	}
	f.members[1].done <- nil // for who stops it
	if folder != "log" {
		f.grow(all, 5) // the others go on without it
		cancel()
	}
	err := <-loaded
	if folder == "log" && !errors.Is(err, node.ErrStopped) {
		t.Errorf("with no space for the log, Submit says %v", err)
	}
	f.crash()

	disk.left.Store(endless)
	g := f.on(f.fs)
	g.start()
	defer g.close()
	checkAcknowledged(g, all.snapshot())
	resend(g, all)
	g.final(g.submit(1, g.transfer(0, 1, 1))[0].Position)
	g.sameHeaders()
}

// grow waits until so many more transactions are acknowledged.
func (f *fleet) grow(all *acknowledged, more int) {
	f.Helper()
	have := len(all.snapshot())
	f.eventually("more to be acknowledged", func() bool { return len(all.snapshot()) >= have+more })
}

// crash stops all and closes what can be closed, whatever it says.
func (f *fleet) crash() {
	f.Helper()
	for i := range f.members {
		_ = f.halt(i) // it may say again why it stopped
	}
	_ = f.log.Close()
}
