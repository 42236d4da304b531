package node_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/librum/librum/chain/node"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// with returns the lines that hold a text.
func (l *lines) with(text string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// TestStrangersFillNoLog: records of nobody in the group are counted each and logged
// one a second, with how many were not.
func TestStrangersFillNoLog(t *testing.T) {
	t.Parallel()
	out := &lines{}
	f := newFleet(t, options{nodes: 1, frozen: true, config: func(_ int, c *node.Config) {
		c.Logger = slog.New(slog.NewTextHandler(out, nil))
	}})
	f.start()
	defer f.close()
	junk := func(n int) {
		t.Helper()
		skipped := f.node(0).Status().Skipped + uint64(n)
		for range n {
			if _, err := f.log.Append(t.Context(), []byte("of nobody")); err != nil {
				t.Fatal(err)
			}
		}
		f.await(func(s node.Status) bool { return s.Skipped >= skipped })
	}
	junk(50)
	f.clock.advance(999 * time.Millisecond)
	junk(10)
	if got := out.with("skipped a record"); len(got) != 1 || !strings.Contains(got[0], "not_logged_before=0") {
		t.Errorf("within a second: %d lines, the first %q; want one", len(got), got[:min(1, len(got))])
	}
	f.clock.advance(time.Millisecond)
	junk(5)
	if got := out.with("skipped a record"); len(got) != 2 || !strings.Contains(got[1], "not_logged_before=59") {
		t.Errorf("a second later: %d lines, the first %q; want a second that counts 59", len(got), got[:min(2, len(got))])
	}
}
