package verify

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Copy is one node's copy of a chain with what [Chain] said of it. Only the
// blocks that it checked count, so it need not be right.
type Copy struct {
	Name   string
	Store  store.Store
	Report Report
}

// Fork compares copies of one chain with each other, of which each alone may be
// right: at equal heights all must have the same header. It returns the first
// height at which two differ, or nil. Blocks that are not final count too: the
// log gives all nodes the same ones.
func Fork(ctx context.Context, copies []Copy) (*Finding, error) {
	if len(copies) == 0 {
		return nil, nil
	}
	// What equals the longest equals each other.
	longest := slices.MaxFunc(copies, func(a, b Copy) int { return int(a.Report.top()) - int(b.Report.top()) })
	var first *Finding
	least := longest.Report.top() + 1
	for _, c := range copies {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		height, err := parting(ctx, longest, c)
		if err != nil {
			return nil, err
		}
		if height == 0 || height >= least {
			continue
		}
		least = height
		f, err := fork(ctx, height, longest, c)
		if err != nil {
			return nil, err
		}
		first = f
	}
	return first, nil
}

// parting returns the first height, of those that both keep, at which headers
// differ, 0 for none. As
// each header holds the hash of the one before, they differ from there on.
func parting(ctx context.Context, a, b Copy) (uint64, error) {
	lowest := max(a.Report.Floor, b.Report.Floor, 1)
	beyond := min(a.Report.top(), b.Report.top()) + 1
	if beyond <= lowest {
		return 0, nil
	}
	var failed error
	n := sort.Search(int(beyond-lowest), func(i int) bool {
		x, err := digestAt(ctx, a, lowest+uint64(i))
		if err != nil {
			failed = err
		}
		y, err := digestAt(ctx, b, lowest+uint64(i))
		if err != nil {
			failed = err
		}
		return x != y
	})
	if failed != nil || lowest+uint64(n) == beyond {
		return 0, failed
	}
	return lowest + uint64(n), nil
}

func digestAt(ctx context.Context, c Copy, height uint64) (ledger.Digest, error) {
	header, err := c.Store.Header(ctx, height)
	if err != nil {
		return ledger.Digest{}, fmt.Errorf("read header %d of %s: %w", height, c.Name, err)
	}
	return ledger.Hash(header), nil
}

func fork(ctx context.Context, height uint64, a, b Copy) (*Finding, error) {
	x, err := digestAt(ctx, a, height)
	if err != nil {
		return nil, err
	}
	y, err := digestAt(ctx, b, height)
	if err != nil {
		return nil, err
	}
	final := func(c Copy) string {
		if height <= c.Report.Height {
			return "final"
		}
		return "without a quorum"
	}
	return &Finding{
		Kind: "fork", Where: fmt.Sprintf("header %d", height),
		Message: fmt.Sprintf("%s has %s, %s; %s has %s, %s: two histories", a.Name, x, final(a), b.Name, y, final(b)),
	}, nil
}
