package file

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/internal/durable"
)

// pollTime is how often a watcher, or who waits for the lock, looks again.
const (
	pollTime = 50 * time.Millisecond
	lockTime = 5 * time.Millisecond
)

// maxFileBytes bounds the file: all entries, with values in base64.
const maxFileBytes = registry.MaxEntries * (2*registry.MaxValueBytes + 1024)

// Registry is a [registry.Registry] in a file.
type Registry struct {
	path  string
	now   func() time.Time
	life  context.Context //nolint:containedctx // ends with Close
	end   context.CancelFunc
	names atomic.Uint64 // of temporary files
}

var _ registry.Registry = (*Registry)(nil)

// content is the file.
type content struct {
	Revision uint64         `json:"revision"`
	Entries  map[string]row `json:"entries"`
}

type row struct {
	Value    []byte     `json:"value"`
	Revision uint64     `json:"revision"`
	Until    *time.Time `json:"until,omitempty"` // nil: for good
	Hold     uint64     `json:"hold,omitempty"`  // the revision at which it was first held
}

// Open returns the registry in the file at path, which need not be there yet;
// its directory must. now is the clock; nil stands for time.Now.
func Open(path string, now func() time.Time) *Registry {
	if now == nil {
		now = time.Now
	}
	r := &Registry{path: path, now: now}
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// Close ends what is under way; what is held then runs out.
func (r *Registry) Close() error {
	r.end()
	return nil
}

// over says why an operation must end, if it must.
func (r *Registry) over(ctx context.Context) error {
	if r.life.Err() != nil {
		return registry.ErrClosed
	}
	return ctx.Err()
}

// pause waits, and says why an operation must end, if it must.
func (r *Registry) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-r.life.Done():
	}
	return r.over(ctx)
}

// read returns what is there now.
func (r *Registry) read() (*content, error) {
	c := &content{Entries: map[string]row{}}
	b, err := durable.ReadFile(r.path, maxFileBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("registry: %w; remove it, it holds hints only", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("registry %s: %w; remove it, it holds hints only", r.path, err)
	}
	if c.Entries == nil {
		c.Entries = map[string]row{}
	}
	now := r.now()
	maps.DeleteFunc(c.Entries, func(_ string, e row) bool { return e.Until != nil && now.After(*e.Until) })
	return c, nil
}

// change lets one change what is there, under the lock (invariant 1).
func (r *Registry) change(ctx context.Context, edit func(*content) error) error {
	if err := r.over(ctx); err != nil {
		return err
	}
	lock, err := durable.OpenFile(r.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // it lets go of the lock; nothing was written
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		if err := r.pause(ctx, lockTime); err != nil {
			return err
		}
	}
	c, err := r.read()
	if err != nil {
		return err
	}
	if err := edit(c); err != nil {
		return err
	}
	if len(c.Entries) > registry.MaxEntries {
		return registry.ErrTooMany
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	fresh := filepath.Join(filepath.Dir(r.path), fmt.Sprintf(".%s.%d.%d", filepath.Base(r.path), os.Getpid(), r.names.Add(1)))
	if err := os.WriteFile(fresh, b, 0o600); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return os.Rename(fresh, r.path)
}

// Put implements [registry.Registry].
func (r *Registry) Put(ctx context.Context, key string, value []byte, at uint64) (revision uint64, err error) {
	if err = registry.Check(key, value); err == nil {
		err = r.change(ctx, func(c *content) error {
			if at != registry.Any && c.Entries[key].Revision != at {
				return registry.ErrConflict
			}
			c.Revision++
			revision = c.Revision
			c.Entries[key] = row{Value: value, Revision: revision}
			return nil
		})
	}
	if err != nil {
		return 0, fmt.Errorf("put hint %.60q: %w", key, err)
	}
	return revision, nil
}

// Hold implements [registry.Registry].
func (r *Registry) Hold(ctx context.Context, key string, value []byte, term time.Duration) error {
	err := registry.CheckHold(key, value, term)
	if err == nil {
		err = r.hold(ctx, key, value, term)
	}
	if err != nil {
		return fmt.Errorf("hold hint %.60q: %w", key, err)
	}
	return nil
}

func (r *Registry) hold(ctx context.Context, key string, value []byte, term time.Duration) error {
	var id uint64
	err := r.change(ctx, func(c *content) error {
		if _, there := c.Entries[key]; there {
			return registry.ErrConflict
		}
		c.Revision++
		id = c.Revision
		until := r.now().Add(term)
		c.Entries[key] = row{Value: value, Revision: id, Until: &until, Hold: id}
		return nil
	})
	for err == nil {
		if err = r.pause(ctx, term/3); err == nil {
			err = r.change(ctx, func(c *content) error {
				e := c.Entries[key]
				if e.Hold != id {
					return registry.ErrLost
				}
				until := r.now().Add(term)
				e.Until = &until
				c.Entries[key] = e
				return nil
			})
		}
	}
	if id == 0 || r.life.Err() != nil || ctx.Err() == nil {
		return err
	}
	// The caller ends it, so it goes at once.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), term)
	defer cancel()
	return r.change(ctx, func(c *content) error {
		if c.Entries[key].Hold == id {
			c.Revision++
			delete(c.Entries, key)
		}
		return nil
	})
}

// List implements [registry.Registry].
func (r *Registry) List(ctx context.Context, prefix string) ([]registry.Entry, error) {
	err := r.over(ctx)
	if err == nil {
		var entries []registry.Entry
		if entries, err = r.list(prefix); err == nil {
			return entries, nil
		}
	}
	return nil, fmt.Errorf("list hints %q: %w", prefix, err)
}

func (r *Registry) list(prefix string) ([]registry.Entry, error) {
	c, err := r.read()
	if err != nil {
		return nil, err
	}
	var entries []registry.Entry
	for _, key := range slices.Sorted(maps.Keys(c.Entries)) {
		if strings.HasPrefix(key, prefix) {
			entries = append(entries, registry.Entry{Key: key, Value: c.Entries[key].Value, Revision: c.Entries[key].Revision})
		}
	}
	return entries, nil
}

// Watch implements [registry.Registry].
func (r *Registry) Watch(ctx context.Context, prefix string, see func([]registry.Entry) error) error {
	return fmt.Errorf("watch hints %q: %w", prefix, r.watch(ctx, prefix, see))
}

// watch returns why it ended, never nil.
func (r *Registry) watch(ctx context.Context, prefix string, see func([]registry.Entry) error) error {
	if err := r.over(ctx); err != nil {
		return err
	}
	var last []registry.Entry
	for first := true; ; first = false {
		entries, err := r.list(prefix)
		if err != nil {
			return err
		}
		if first || !slices.EqualFunc(entries, last, same) {
			if err := see(entries); err != nil {
				return err
			}
			last = entries
		}
		if err := r.pause(ctx, pollTime); err != nil {
			return err
		}
	}
}

func same(a, b registry.Entry) bool { return a.Key == b.Key && a.Revision == b.Revision }
