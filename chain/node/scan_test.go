package node_test

import (
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/store"
)

// TestScan lists more rows than the store gives at once, below rows that are
// not stored yet.
func TestScan(t *testing.T) {
	t.Parallel()
	const accounts = store.MaxScanRows/2 + 50 // a member and a balance each
	f := newFleet(t, options{nodes: 1, accounts: accounts, frozen: true})
	f.start()
	defer f.close()
	f.submit(0, f.transfer(0, 1, 1)) // stays in the open block: the clock stands still
	var paged []contract.Row
	err := f.node(0).View(t.Context(), func(state contract.Range, logTime int64) error {
		if logTime != f.clock.now().UnixMilli() {
			t.Errorf("log time %d, want %d", logTime, f.clock.now().UnixMilli())
		}
		for after := contract.Key(""); ; {
			rows, err := state.Scan("", after, 999)
			if err != nil {
				return err
			}
			paged = append(paged, rows...)
			if len(rows) < 999 {
				return nil
			}
			after = rows[len(rows)-1].Key
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := f.node(0).State(t.Context()).Scan("", "", 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) <= store.MaxScanRows || len(all) != len(paged) {
		t.Fatalf("%d rows at once, %d by pages, want more than %d", len(all), len(paged), store.MaxScanRows)
	}
	for i := range all {
		if i > 0 && all[i].Key <= all[i-1].Key || all[i].Key != paged[i].Key || string(all[i].Value) != string(paged[i].Value) {
			t.Fatalf("row %d is %q at once and %q by pages", i, all[i].Key, paged[i].Key)
		}
	}
}
