package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/verify"
)

// Reads passes files on and remembers which were read: what verification of a
// job reads is what its evidence needs.
type Reads struct {
	Files []verify.Files         // tried in order
	Only  map[ledger.Digest]bool // nil: all; the others are not there

	sizes map[ledger.Digest]uint64
}

// Get implements [verify.Files].
func (r *Reads) Get(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	if r.Only != nil && !r.Only[digest] {
		return nil, fmt.Errorf("%w: %s is left out", blob.ErrNotFound, digest)
	}
	err := fmt.Errorf("%w: %s", blob.ErrNotFound, digest)
	for _, f := range r.Files {
		b, tried := f.Get(ctx, digest)
		if tried == nil {
			if r.sizes == nil {
				r.sizes = map[ledger.Digest]uint64{}
			}
			r.sizes[digest] = uint64(b.Size())
			return b, nil
		}
		if !errors.Is(tried, blob.ErrNotFound) {
			err = tried // damage is worse than absence
		}
	}
	return nil, err
}

// Copy writes a file.
func (r *Reads) Copy(ctx context.Context, w io.Writer, digest ledger.Digest) (err error) {
	b, err := r.Get(ctx, digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	_, err = io.Copy(w, reading{ctx, io.NewSectionReader(b, 0, b.Size())})
	return err
}

// contents lists what was read, digests ascending.
func (r *Reads) contents() []Content {
	out := make([]Content, 0, len(r.sizes))
	for d, size := range r.sizes {
		out = append(out, Content{Digest: d, Size: size})
	}
	slices.SortFunc(out, func(a, b Content) int { return compare(a.Digest, b.Digest) })
	return out
}
