package node_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order/local"
)

// TestLogRewritten puts another log before a node that has executed one.
func TestLogRewritten(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		seed    byte // of the log: 0 gives the same topic again
		records int  // put on it, other than those that were there
		same    bool // the true ones are copied first
		want    error
	}{
		{name: "another topic", seed: 1, same: true, want: node.ErrLogRewritten},
		{name: "empty", want: node.ErrLogRewritten},
		{name: "too short", records: 1, want: node.ErrLogRewritten},
		{name: "another history", records: 100, want: node.ErrLogRewritten},
		{name: "the same log", same: true},
		{name: "the same log, longer", same: true, records: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, options{nodes: 1, blockTransactions: 1})
			f.start()
			var last ledger.Position
			for range 3 {
				last = f.submit(0, f.transfer(0, 1, 1))[0].Position
			}
			f.final(last)
			entries, err := f.log.Read(t.Context(), 0, 1<<30)
			if err != nil {
				t.Fatal(err)
			}
			f.close()
			if err := f.fs.RemoveAll("log"); err != nil {
				t.Fatal(err)
			}
			f.log, err = local.Open(t.Context(), f.fs, "log", local.Options{Rand: rand.NewChaCha8([32]byte{tt.seed})})
			if err != nil {
				t.Fatal(err)
			}
			if tt.same {
				for _, e := range entries {
					if _, err := f.log.Append(t.Context(), e.Bytes); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range tt.records {
				record := f.chain.Record(0, ledger.Record{Kind: ledger.RecordClock, Time: f.clock.now().UnixMilli()})
				if _, err := f.log.Append(t.Context(), record); err != nil {
					t.Fatal(err)
				}
			}
			f.start()
			if tt.want == nil {
				f.submit(0, f.transfer(0, 1, 1))
				f.close()
				return
			}
			_, err = f.node(0).Await(t.Context(), func(node.Status) bool { return false })
			if !errors.Is(err, tt.want) || !errors.Is(err, node.ErrStopped) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
			if err := f.halt(0); !errors.Is(err, tt.want) {
				t.Errorf("Run: %v, want %v", err, tt.want)
			}
			f.close()
		})
	}
}
