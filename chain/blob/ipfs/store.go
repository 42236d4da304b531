package ipfs

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/internal/checked"
	"github.com/librum/librum/chain/ledger"
)

// Config says where kubo is.
type Config struct {
	// API is the address of kubo's RPC, http://127.0.0.1:5001 for instance.
	API string
	// Authorization, if not empty, is sent as that header; kubo calls it
	// API.Authorizations. It is a secret.
	Authorization string
	// Root is the folder in kubo's file tree. Empty stands for /librum.
	Root string
	// Timeout bounds each short request, and how long a stream may stand
	// still. 0 stands for 30 s.
	Timeout time.Duration
	// MaxPartials bounds the unfinished uploads. 0 stands for 1,024.
	MaxPartials int
	// PartialAge is how long an upload may lie untouched; what an earlier life of
	// the node left counts from the opening. 0 stands for 1 h.
	PartialAge time.Duration
	Now        func() time.Time // nil stands for the clock's
	// SumBytes bounds the memory for sums of verified blobs, 8 bytes for each
	// 64 KiB. 0 stands for 4 MiB, enough for 32 GiB.
	SumBytes int
}

// Store is a [blob.Store] in a kubo node.
type Store struct {
	config   Config
	rpc      *rpc
	seed     maphash.Seed
	verified *checked.Cache

	opened time.Time

	mu      sync.Mutex
	busy    map[ledger.ID]bool      // uploads that a part is being written to
	touched map[ledger.ID]time.Time // uploads of this life, when they were last
}

var _ blob.Store = (*Store)(nil)

// newStore returns a store that has asked nothing yet.
func newStore(config Config) (*Store, error) {
	if config.Root == "" {
		config.Root = "/librum"
	}
	if config.Timeout == 0 {
		config.Timeout = 30 * time.Second
	}
	if config.MaxPartials == 0 {
		config.MaxPartials = 1024
	}
	if config.PartialAge == 0 {
		config.PartialAge = time.Hour
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.SumBytes == 0 {
		config.SumBytes = 4 << 20
	}
	if !strings.HasPrefix(config.Root, "/") || strings.HasSuffix(config.Root, "/") {
		return nil, fmt.Errorf("open blob store in kubo: root %q must begin with / and not end with one", config.Root)
	}
	return &Store{
		config: config, seed: maphash.MakeSeed(), verified: checked.NewCache(config.SumBytes), busy: map[ledger.ID]bool{},
		opened: config.Now(), touched: map[ledger.ID]time.Time{},
		rpc: &rpc{
			base: strings.TrimSuffix(config.API, "/"), authorization: config.Authorization, timeout: config.Timeout,
			client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}},
		},
	}, nil
}

// Open looks whether kubo is there and makes the folders.
func Open(ctx context.Context, config Config) (*Store, error) {
	s, err := newStore(config)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"blobs", "partial"} {
		if err := s.rpc.call(ctx, "files/mkdir", params([]string{s.config.Root + "/" + folder}, "parents", "true"), nil); err != nil {
			s.Close()
			return nil, fmt.Errorf("open blob store in kubo at %s: %w", config.API, err)
		}
	}
	return s, nil
}

// Close ends idle connections.
func (s *Store) Close() { s.rpc.client.CloseIdleConnections() }

func (s *Store) path(d ledger.Digest) string {
	return path.Join(s.config.Root, "blobs", d.String()[:2], d.String())
}

// stat is what kubo knows of a path.
type stat struct {
	Hash string // the CID
	Size int64
}

// errLost: kubo has a name, and not the blocks it leads to.
var errLost = fmt.Errorf("%w: kubo has lost blocks of it", blob.ErrNotFound)

// stat looks a name up in its folder and then asks for what it leads to, offline.
// Asked for the name itself kubo would look for a lost block at other nodes, for
// ever and with its file tree locked.
func (s *Store) stat(ctx context.Context, name string) (st stat, err error) {
	var folder stat
	if err := s.rpc.call(ctx, "files/stat", params([]string{path.Dir(name)}), &folder); err != nil {
		return st, err
	}
	var resolved struct{ Path string }
	err = s.rpc.call(ctx, "resolve", params([]string{"/ipfs/" + folder.Hash + "/" + path.Base(name)}, "offline", "true"), &resolved)
	if err != nil {
		return st, err
	}
	err = s.rpc.call(ctx, "files/stat", params([]string{resolved.Path}, "offline", "true"), &st)
	if missing(err) {
		st.Hash, err = strings.TrimPrefix(resolved.Path, "/ipfs/"), errLost
	}
	return st, err
}

// Has implements [blob.Store].
func (s *Store) Has(ctx context.Context, d ledger.Digest) (int64, bool, error) {
	st, err := s.stat(ctx, s.path(d))
	if missing(err) {
		return 0, false, nil // or its first block is: then Put mends it
	}
	if err != nil {
		return 0, false, fmt.Errorf("look up blob %s: %w", d, err)
	}
	return st.Size, true, nil
}

// Address returns the CID of content that is here. [blob.ErrNotFound].
func (s *Store) Address(ctx context.Context, d ledger.Digest) (string, error) {
	st, err := s.stat(ctx, s.path(d))
	if missing(err) {
		err = blob.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("look up blob %s: %w", d, err)
	}
	return st.Hash, nil
}

// Put implements [blob.Store].
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (ledger.Digest, int64, error) {
	d, size, err := s.put(ctx, nil, r, limit)
	if err != nil {
		return ledger.Digest{}, 0, fmt.Errorf("put blob: %w", err)
	}
	return d, size, nil
}

// PutDigest implements [blob.Store].
func (s *Store) PutDigest(ctx context.Context, want ledger.Digest, r io.Reader, limit int64) (int64, error) {
	_, size, err := s.put(ctx, &want, r, limit)
	if err != nil {
		return 0, fmt.Errorf("put blob %s: %w", want, err)
	}
	return size, nil
}

// put streams content into kubo and computes its digest on the way. Until it is
// known to be what it should, it has no pin and no name, and kubo may forget it.
func (s *Store) put(ctx context.Context, want *ledger.Digest, r io.Reader, limit int64) (d ledger.Digest, size int64, err error) {
	if err := ctx.Err(); err != nil {
		return d, 0, err
	}
	if limit < 0 {
		return d, 0, fmt.Errorf("%w: %d bytes are allowed", blob.ErrTooLarge, limit)
	}
	sum := checked.NewSummer(s.seed)
	var added struct{ Hash string }
	err = s.rpc.send(ctx, "add", params(nil, "cid-version", "1", "raw-leaves", "true", "chunker", fmt.Sprintf("size-%d", chunkBytes),
		"max-file-links", fmt.Sprint(linksPerNode), "pin", "false", "progress", "false"),
		io.TeeReader(&bounded{r: r, left: limit, limit: limit}, sum), &added)
	if err != nil {
		return d, 0, err
	}
	d, sums := sum.Finish()
	if want != nil && d != *want {
		return d, 0, fmt.Errorf("%w: %s, want %s", blob.ErrDigest, d, *want)
	}
	if err := s.place(ctx, d, added.Hash); err != nil {
		return d, 0, err
	}
	s.verified.Put(d, sums)
	return d, sums.Size, nil
}

// place pins content and gives it its name (invariant 1).
func (s *Store) place(ctx context.Context, d ledger.Digest, address string) error {
	if err := s.rpc.call(ctx, "pin/add", params([]string{address}, "offline", "true"), nil); err != nil {
		return err
	}
	name := s.path(d)
	copyErr := s.rpc.call(ctx, "files/cp", params([]string{"/ipfs/" + address, name}, "parents", "true", "offline", "true"), nil)
	if copyErr == nil {
		return nil
	}
	st, err := s.stat(ctx, name)
	switch {
	case err != nil:
		return errors.Join(copyErr, err)
	case st.Hash == address: // it had its name already
		return nil
	}
	// Somebody changed kubo's file tree; the name is for what has the digest.
	if err := s.rpc.call(ctx, "files/rm", params([]string{name}, "force", "true"), nil); err != nil {
		return err
	}
	return s.rpc.call(ctx, "files/cp", params([]string{"/ipfs/" + address, name}, "parents", "true", "offline", "true"), nil)
}

// bounded yields at most limit bytes of r, and [blob.ErrTooLarge] where there
// are more.
type bounded struct {
	r           io.Reader
	left, limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: at most %d bytes are allowed", blob.ErrTooLarge, b.limit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read content: %w", err)
	}
	return n, err
}

// Fetch gets content that another node has, by its CID, and keeps it.
// [blob.ErrDigest] where it is something else, [blob.ErrTooLarge] where it is
// longer than limit; it is then not kept. What the other node has chunked in another
// way than this package does is added anew: content has one address here.
func (s *Store) Fetch(ctx context.Context, d ledger.Digest, address string, limit int64) error {
	// A stranger names it: a path such as /ipns/NAME would have kubo ask whoever
	// the stranger wants.
	parsed, err := cid.Decode(address)
	if err != nil {
		return fmt.Errorf("fetch blob %s: %.100q is no CID: %w", d, address, err)
	}
	c := parsed.String()
	sum := checked.NewSummer(s.seed)
	var own cid.Cid
	err = s.stream(ctx, c, func(r io.Reader) (err error) {
		own, err = CID(io.TeeReader(&bounded{r: r, left: limit, limit: limit}, sum))
		return err
	})
	if err != nil {
		return fmt.Errorf("fetch blob %s at %s: %w", d, c, err)
	}
	got, sums := sum.Finish()
	if got != d {
		return fmt.Errorf("fetch blob %s at %s: %w: %s", d, c, blob.ErrDigest, got)
	}
	if own.Equals(parsed) {
		err = s.place(ctx, d, c)
	} else {
		err = s.stream(ctx, c, func(r io.Reader) error {
			_, err := s.PutDigest(ctx, d, r, limit)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("fetch blob %s at %s: %w", d, c, err)
	}
	s.verified.Put(d, sums)
	return nil
}

// stream has use read content by its CID, wherever it is.
func (s *Store) stream(ctx context.Context, c string, use func(io.Reader) error) error {
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := s.rpc.receive(ctx, "cat", params([]string{c}, "progress", "false"), write)
		_ = write.CloseWithError(err) // it never fails
		done <- err
	}()
	err := use(read)
	_ = read.CloseWithError(context.Canceled) // it never fails
	if fetchErr := <-done; err == nil {
		err = fetchErr
	}
	return err
}

// Delete implements [blob.Store]. Of two that delete at once one is told
// [blob.ErrNotFound].
func (s *Store) Delete(ctx context.Context, d ledger.Digest) error {
	name := s.path(d)
	st, err := s.stat(ctx, name)
	if err == nil || errors.Is(err, errLost) {
		err = s.rpc.call(ctx, "files/rm", params([]string{name}, "force", "true"), nil)
	}
	if err == nil {
		s.verified.Drop(d)
		if err = s.rpc.call(ctx, "pin/rm", params([]string{st.Hash}), nil); missing(err) {
			err = nil
		}
	} else if missing(err) {
		err = blob.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", d, err)
	}
	return nil
}
