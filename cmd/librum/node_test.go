package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order"
)

// TestEnded wants a node that lost its log to end with "no", whether it ran or was
// starting, and to say where to read on; and no other error to be changed.
func TestEnded(t *testing.T) {
	t.Parallel()
	for lost, what := range map[error]string{
		node.ErrLogRewritten: "docs/runbooks/damage.md",
		&order.CorruptError{File: "topic x", Reason: "removed"}: "docs/runbooks/damage.md",
		order.ErrTrimmed: "librum snapshot restore",
	} {
		for _, err := range []error{fmt.Errorf("read: %w", lost), &exitError{code: exitUnknown, err: fmt.Errorf("open: %w", lost)}} {
			if code := report(ended(err)); code != exitNo || !strings.Contains(ended(err).Error(), what) {
				t.Errorf("%v: exit %d, %v", err, code, ended(err))
			}
		}
	}
	for _, err := range []error{nil, errors.New("x"), &exitError{code: exitUnknown, err: errors.New("x")}} {
		if got := ended(err); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
