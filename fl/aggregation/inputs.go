package aggregation

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// Progress is an input as it stands.
type Progress struct {
	Input
	Offset   int64 // bytes that are durable
	Complete bool  // and have the digest
}

// Announce adds an input, finds it again, or puts it in place of another of that
// name.
func (s *Service) Announce(ctx context.Context, id ledger.Digest, in Input) (Progress, error) {
	if err := in.validate(s.config.Limits); err != nil {
		return Progress{}, err
	}
	a, err := s.find(id)
	if err != nil {
		return Progress{}, err
	}
	defer a.mu.Unlock()
	if err := a.takesInputs(); err != nil {
		return Progress{}, err
	}
	a.touched = s.config.Now()
	old, known := a.inputs[in.Name]
	if known && old == in {
		return s.progress(ctx, a, in)
	}
	if err := s.replace(ctx, a, &old, &in, known); err != nil {
		return Progress{}, fmt.Errorf("announce input %s: %w", in.Name, err)
	}
	return s.progress(ctx, a, in)
}

// takesInputs refuses inputs in the wrong state.
func (a *aggregation) takesInputs() error {
	if a.head.State != Open && a.head.State != Failed {
		return fmt.Errorf("%w: it is %s and takes no inputs", ErrState, a.head.State)
	}
	return nil
}

// replace puts in where old was, if old was known. A client that goes does not cut
// it short: memory would differ from the disk.
func (s *Service) replace(ctx context.Context, a *aggregation, old, in *Input, known bool) error {
	ctx = context.WithoutCancel(ctx)
	switch {
	case !known && len(a.inputs) >= s.config.Limits.Inputs:
		return fmt.Errorf("%w: it has %d inputs", ErrLimit, len(a.inputs))
	case known && a.parts > 0:
		return fmt.Errorf("%w: a part of an input is being received", ErrState)
	}
	if in.Kind != Update {
		for _, other := range a.inputs {
			if other.Kind == in.Kind && other.Name != in.Name {
				return fmt.Errorf("%w: input %s is its %s already", ErrState, other.Name, in.Kind)
			}
		}
	}
	size, whole, err := a.store.Has(ctx, in.Digest) // sent under another name
	switch {
	case err != nil:
		return err
	case whole && size != in.Size: // bounds count what was announced
		return &FieldError{"size", fmt.Sprintf("%d bytes; the content %s has %d", in.Size, in.Digest, size)}
	}
	if err := s.reserve(a, in.Size-old.Size); err != nil {
		return err
	}
	if known && (old.Digest != in.Digest || old.Size != in.Size) {
		s.wrote(a, old.Name, 0)
		if err := a.drop(ctx, old); err != nil {
			return errors.Join(err, s.reserve(a, old.Size-in.Size))
		}
	}
	if err := a.saveInput(in); err != nil { // last: a record that memory lacks would come up after a restart
		return errors.Join(err, s.reserve(a, old.Size-in.Size))
	}
	a.inputs[in.Name] = *in
	if whole {
		a.complete[in.Name] = true
		s.wrote(a, in.Name, in.Size)
	}
	return nil
}

// drop forgets the bytes of an input, unless another has the same.
func (a *aggregation) drop(ctx context.Context, in *Input) error {
	delete(a.complete, in.Name)
	if err := a.store.Discard(ctx, in.part()); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	for _, other := range a.inputs {
		if other.Name != in.Name && other.Digest == in.Digest && a.complete[other.Name] {
			return nil
		}
	}
	if err := a.store.Delete(ctx, in.Digest); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return nil
}

// part is the id under which the store gathers the input's parts.
func (in *Input) part() ledger.ID {
	sum := ledger.Hash(fmt.Appendf(nil, "%s/%s/%d", in.Name, in.Digest, in.Size))
	return ledger.ID(sum[:16])
}

// progress returns where an input stands.
func (s *Service) progress(ctx context.Context, a *aggregation, in Input) (Progress, error) {
	if a.complete[in.Name] {
		return Progress{Input: in, Offset: in.Size, Complete: true}, nil
	}
	offset, err := a.store.Partial(ctx, in.part())
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return Progress{}, err
	}
	s.wrote(a, in.Name, offset)
	if offset == in.Size { // whole, but its end was not told
		return s.finish(ctx, a, in)
	}
	return Progress{Input: in, Offset: offset}, nil
}

// finish makes the parts content. [blob.ErrDigest] where they are other bytes than
// announced; they are dropped.
func (s *Service) finish(ctx context.Context, a *aggregation, in Input) (Progress, error) {
	if _, err := a.store.Finish(ctx, in.part(), in.Digest); err != nil {
		if errors.Is(err, blob.ErrDigest) {
			s.wrote(a, in.Name, 0)
		}
		return Progress{Input: in}, err
	}
	for name, other := range a.inputs {
		if other.Digest == in.Digest && other.Size == in.Size {
			a.complete[name] = true
			s.wrote(a, name, other.Size)
		}
	}
	return Progress{Input: in, Offset: in.Size, Complete: true}, nil
}

// Input returns where an input stands.
func (s *Service) Input(ctx context.Context, id ledger.Digest, name string) (Progress, error) {
	a, err := s.find(id)
	if err != nil {
		return Progress{}, err
	}
	defer a.mu.Unlock()
	in, ok := a.inputs[name]
	if !ok {
		return Progress{}, fmt.Errorf("%w: aggregation %s has no input %q", ErrNotFound, id, name)
	}
	return s.progress(ctx, a, in)
}

// Append adds what r yields to an input at offset, which must be its length (a
// [blob.OffsetError] says what it is). What came before an error of r is kept. The
// part that makes it whole completes it, or is a [blob.ErrDigest].
func (s *Service) Append(ctx context.Context, id ledger.Digest, name string, offset int64, r io.Reader) (Progress, error) {
	a, err := s.find(id)
	if err != nil {
		return Progress{}, err
	}
	in, err := a.beginPart(name)
	a.mu.Unlock()
	if err != nil {
		return Progress{Input: in, Offset: in.Size}, err
	}
	length, err := s.receive(ctx, a, &in, offset, r)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parts--
	a.touched = s.config.Now()
	if length > 0 { // 0 where the store did not come to look
		s.wrote(a, name, length)
	}
	switch {
	case a.gone:
		return Progress{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	case a.complete[name]: // whoever looked at it after the last byte came has completed it
		return Progress{Input: in, Offset: in.Size, Complete: true}, nil
	case err != nil:
		return Progress{Input: in, Offset: length}, err
	case length == in.Size:
		return s.finish(ctx, a, in)
	}
	return Progress{Input: in, Offset: length}, nil
}

// receive appends a part, as slow as its sender, and returns the input's length.
func (s *Service) receive(ctx context.Context, a *aggregation, in *Input, offset int64, r io.Reader) (length int64, err error) {
	most := max(0, in.Size-offset)
	if err := s.expect(most); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.expect(-most)) }()
	return a.store.Append(ctx, in.part(), offset, r, in.Size)
}

// beginPart counts a part that is being received.
func (a *aggregation) beginPart(name string) (Input, error) {
	if err := a.takesInputs(); err != nil {
		return Input{}, err
	}
	in, ok := a.inputs[name]
	switch {
	case !ok:
		return in, fmt.Errorf("%w: aggregation %s has no input %q; announce it", ErrNotFound, a.id, name)
	case a.complete[name]:
		return in, &blob.OffsetError{Got: 0, Have: in.Size}
	}
	a.parts++
	return in, nil
}

// Result opens the model, or what the server remembers.
func (s *Service) Result(ctx context.Context, id ledger.Digest, memory bool) (blob.Blob, File, error) {
	a, err := s.find(id)
	if err != nil {
		return nil, File{}, err
	}
	defer a.mu.Unlock()
	file := a.head.Outcome.Model
	if memory {
		file = a.head.Outcome.Memory
	}
	if file.Digest.IsZero() {
		return nil, file, fmt.Errorf("%w: aggregation %s is %s and has no such result", ErrNotFound, id, a.head.State)
	}
	a.touched = s.config.Now()
	content, err := a.store.Get(ctx, file.Digest)
	return content, file, err
}
