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
	for _, lost := range []error{node.ErrLogRewritten, &order.CorruptError{File: "topic x", Reason: "removed"}, order.ErrTrimmed} {
		for _, err := range []error{fmt.Errorf("read: %w", lost), &exitError{code: exitUnknown, err: fmt.Errorf("open: %w", lost)}} {
			if code := report(ended(err)); code != exitNo || !strings.Contains(ended(err).Error(), "docs/runbooks/damage.md") {
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
