package ledger_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

// TestLogClockTwin compares with the definition, and holds that liars fewer
// than half can't push log time past what an honest node said.
func TestLogClockTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "nodes")
		group := &ledger.Group{}
		for i := range n {
			group.Nodes = append(group.Nodes, ledger.GroupNode{Node: id(byte(i + 1))})
		}
		liars := rapid.IntRange(0, (n-1)/2).Draw(t, "liars")
		clock := ledger.NewLogClock(group, start)
		newest := slices.Repeat([]int64{start}, n)
		now, honest := int64(start), int64(start)
		for range rapid.IntRange(0, 30).Draw(t, "records") {
			i := rapid.IntRange(0, n).Draw(t, "node") // n is a stranger
			time := start + rapid.Int64Range(-100, 1000).Draw(t, "time")
			switch {
			case i < liars:
				time = rapid.Int64().Draw(t, "lie")
				newest[i] = max(newest[i], time)
			case i < n:
				newest[i] = max(newest[i], time)
				honest = max(honest, time)
			}
			sorted := slices.Sorted(slices.Values(newest))
			now = max(now, sorted[(n-1)/2])
			if got := clock.Observe(id(byte(i+1)), time); got != now || clock.Now != now {
				t.Fatalf("log time %d, want %d", got, now)
			}
			if now > honest {
				t.Fatalf("log time %d passes %d, the newest honest time", now, honest)
			}
			if i < n && clock.Of(id(byte(i+1))) != newest[i] {
				t.Fatalf("newest of node %d is %d, want %d", i, clock.Of(id(byte(i+1))), newest[i])
			}
		}
		if clock.Of(id(0xff)) != 0 {
			t.Fatal("a stranger has a time")
		}
		var back ledger.LogClock
		b, err := ledger.Encode(clock)
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.Decode("log clock", b, len(b), &back); err != nil || back.Now != clock.Now || !slices.Equal(back.Newest, clock.Newest) {
			t.Fatalf("stored and read it is %+v, %v", back, err)
		}
	})
}
