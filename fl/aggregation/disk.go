package aggregation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// A directory holds the head, a record for each input, and the store of files.
// The head is written last and removed first: without it there is nothing.
const (
	version     = 1
	headName    = "head.cbor"
	inputsDir   = "inputs"
	filesDir    = "files"
	maxHead     = 4 << 20 // refusals of 4,096 updates
	maxRecord   = 4 << 10
	recordEnd   = ".cbor"
	maxDetail   = 256 // bytes of a refusal's text
	maxReason   = 4 << 10
	asideEnd    = ".unreadable"
	createdMode = 0o600
)

// head is what is known of an aggregation beside its inputs.
type head struct {
	_       struct{} `cbor:",toarray"`
	Version uint16
	Creator ledger.ID
	Created int64
	Spec    Spec
	State   State
	Reason  string
	Outcome Outcome
}

func (a *aggregation) filesDir() string { return filepath.Join(a.dir, filesDir) }

// record is where an input's record lies: names differ in more than some file
// systems tell apart.
func (a *aggregation) record(name string) string {
	return filepath.Join(a.dir, inputsDir, ledger.Hash([]byte(name)).String()+recordEnd)
}

// save makes the head durable.
func (a *aggregation) save() error {
	b, err := ledger.Encode(&a.head)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(a.dir, headName), b, createdMode)
}

// saveInput makes an input's record durable.
func (a *aggregation) saveInput(in *Input) error {
	b, err := ledger.Encode(in)
	if err != nil {
		return err
	}
	return durable.WriteFile(a.record(in.Name), b, createdMode)
}

// erase removes the directory, the head first. The run has ended. Whatever fails,
// the store is closed.
func (a *aggregation) erase() error {
	err := os.Remove(filepath.Join(a.dir, headName))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = durable.SyncDir(vfs.Default, a.dir)
	}
	return errors.Join(err, a.store.Close(), os.RemoveAll(a.dir))
}

// load finds the aggregations of an earlier life and clears what was being made
// or removed. They are disposable, so that one which cannot be read is set aside
// until the next start and stops no node.
func (s *Service) load(ctx context.Context) error {
	if err := os.MkdirAll(s.config.Dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(s.config.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries { // an earlier start's go first: their names may be needed
		if id, aside := strings.CutSuffix(entry.Name(), asideEnd); aside && isOurs(id) {
			s.clear(ctx, filepath.Join(s.config.Dir, entry.Name()))
		}
	}
	for _, entry := range entries {
		if !isOurs(entry.Name()) || !entry.IsDir() {
			continue
		}
		if err := s.loadOne(ctx, filepath.Join(s.config.Dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func isOurs(name string) bool {
	_, err := ledger.ParseDigest(name)
	return err == nil
}

// loadOne finds an aggregation again, clears what is left of one, or sets it aside.
func (s *Service) loadOne(ctx context.Context, dir string) error {
	id, err := ledger.ParseDigest(filepath.Base(dir))
	if err != nil {
		return err
	}
	a := s.newAggregation(id)
	b, err := durable.ReadFile(filepath.Join(dir, headName), maxHead)
	if errors.Is(err, fs.ErrNotExist) {
		s.clear(ctx, dir)
		return nil
	}
	if err == nil {
		err = a.load(ctx, b, s.config.Files)
	}
	switch {
	case err == nil:
		s.all[id] = a
	case ctx.Err() != nil, errors.Is(err, blob.ErrLocked): // it may be sound
		return fmt.Errorf("read aggregation %s: %w", id, err)
	default:
		aside := os.Rename(dir, dir+asideEnd)
		s.config.Logger.LogAttrs(ctx, slog.LevelError, "set aside an aggregation that cannot be read",
			slog.String("directory", dir+asideEnd), slog.Any("error", errors.Join(err, aside)))
	}
	return nil
}

// clear removes what is of no use; what cannot be removed does no harm.
func (s *Service) clear(ctx context.Context, dir string) {
	if err := os.RemoveAll(dir); err != nil {
		s.config.Logger.LogAttrs(ctx, slog.LevelError, "remove what is left of an aggregation", slog.String("directory", dir), slog.Any("error", err))
	}
}

// load reads the head and the inputs.
func (a *aggregation) load(ctx context.Context, head []byte, files func(ctx context.Context, dir string) (Store, error)) (err error) {
	if err := ledger.Decode("aggregation", head, maxHead, &a.head); err != nil {
		return err
	}
	if a.head.Version != version {
		return fmt.Errorf("it has version %d, this program reads %d", a.head.Version, version)
	}
	if a.store, err = files(ctx, a.filesDir()); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	records, err := os.ReadDir(filepath.Join(a.dir, inputsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range records {
		if filepath.Ext(entry.Name()) != recordEnd { // never finished
			continue
		}
		b, err := durable.ReadFile(filepath.Join(a.dir, inputsDir, entry.Name()), maxRecord)
		if err != nil {
			return err
		}
		var in Input
		if err := ledger.Decode("input", b, maxRecord, &in); err != nil {
			return fmt.Errorf("read input %s: %w", entry.Name(), err)
		}
		if err := a.recall(ctx, in); err != nil {
			return fmt.Errorf("look up input %s: %w", in.Name, err)
		}
	}
	a.written[""] = a.head.Outcome.Model.Size + a.head.Outcome.Memory.Size
	a.bytes += a.written[""]
	return nil
}

// recall knows an input again, which is complete if its content is there and has
// the size announced.
func (a *aggregation) recall(ctx context.Context, in Input) error {
	size, whole, err := a.store.Has(ctx, in.Digest)
	if err != nil {
		return err
	}
	a.inputs[in.Name] = in
	a.bytes += in.Size
	if whole && size == in.Size {
		a.complete[in.Name], a.written[in.Name] = true, in.Size
		return nil
	}
	a.written[in.Name], err = a.store.Partial(ctx, in.part())
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return nil
}
