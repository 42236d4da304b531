package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/client"
	flverify "github.com/librum/librum/fl/verify"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/internal/durable"
)

// verifyServer verifies the chain that a node serves, and then the jobs on the
// state that execution led to. Nothing the node says is believed but what it
// does not serve: updates.
func verifyServer(
	ctx context.Context, c *client.Client, anchors verify.Anchors, jobs []ledger.Digest, out io.Writer,
) (result verifyResult, err error) {
	genesis, _, err := c.Genesis(ctx)
	if err != nil {
		return result, answered(err)
	}
	source := newRemoteChain(ctx, c)
	defer source.close()
	result.OK, result.Verdict = true, verify.Right
	report, state, err := verify.Chain(ctx, verify.Input{
		Source: source, Genesis: genesis, Contracts: fullnode.Contracts(), Verify: identity.NewVerifier(1 << 14).Verify, Anchors: anchors,
		MaxOpen: maxOpenBlocks,
	})
	if err != nil {
		return result, answered(err)
	}
	result.addChain("server", &report, out)
	if !result.OK {
		return result, nil
	}
	say(out, "checked are the blocks and signatures that the server gave, executed again here; not what it stores beside them")
	sayHead(&report, anchors, out)
	if len(jobs) == 0 {
		return result, nil
	}
	dir, err := os.MkdirTemp("", "librum-verify-")
	if err != nil {
		return result, fmt.Errorf("make a directory for models: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files := []flverify.Files{&remoteFiles{client: c, dir: dir}}
	for _, id := range jobs {
		if err := result.addJob(ctx, flverify.Input{State: state, Job: id, Files: files, Withheld: true}, out); err != nil {
			return result, fmt.Errorf("verify job %s as of block %d, the newest final one: %w", id, report.Height, err)
		}
	}
	return result, nil
}

// maxOpenBlocks is how many blocks without a quorum are followed: an honest node
// lets nothing but governance and evidence through behind 64 of them.
const maxOpenBlocks = 256

// blocksAhead is how many blocks are asked for before they are wanted, so that
// a server far away does not cost its distance for each block.
const blocksAhead = 8

// remoteChain is the chain of a server.
type remoteChain struct {
	client *client.Client
	ctx    context.Context //nolint:containedctx // of the fetches, which outlive the call that began them
	stop   context.CancelFunc
	done   sync.WaitGroup

	height uint64
	asked  uint64 // up to this height
	coming map[uint64]chan fetched
}

type fetched struct {
	block ledger.SignedBlock
	err   error
}

func newRemoteChain(ctx context.Context, c *client.Client) *remoteChain {
	r := &remoteChain{client: c, coming: map[uint64]chan fetched{}}
	r.ctx, r.stop = context.WithCancel(ctx)
	return r
}

// close ends the fetches under way and waits for them.
func (r *remoteChain) close() {
	r.stop()
	r.done.Wait()
}

// Height implements [verify.Source].
func (r *remoteChain) Height(ctx context.Context) (uint64, bool, error) {
	status, err := r.client.Status(ctx)
	r.height = status.Height
	return status.Height, err == nil, err
}

// Block implements [verify.Source] for heights that ascend by one.
func (r *remoteChain) Block(ctx context.Context, height uint64) ([]byte, []ledger.HeaderSignature, error) {
	for r.asked = max(r.asked, height-1); r.asked < min(r.height, height+blocksAhead); {
		r.asked++
		r.fetch(r.asked)
	}
	coming, ok := r.coming[height]
	if !ok {
		return nil, nil, fmt.Errorf("fetch block %d: %w", height, store.ErrNotFound)
	}
	delete(r.coming, height)
	select {
	case got := <-coming:
		return got.block.Block, got.block.Signatures, got.err
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
}

func (r *remoteChain) fetch(height uint64) {
	coming := make(chan fetched, 1)
	r.coming[height] = coming
	r.done.Go(func() {
		block, err := r.client.SignedBlock(r.ctx, height)
		var p *client.Problem
		switch {
		case errors.As(err, &p) && p.Status == http.StatusNotFound:
			err = fmt.Errorf("%w: %w", store.ErrNotFound, err)
		case errors.Is(err, ledger.ErrMalformed):
			err = &verify.Finding{Kind: "malformed", Where: fmt.Sprintf("block %d", height), Message: err.Error()}
		}
		coming <- fetched{block, err}
	})
}

// maxRemoteFile bounds a file that a server sends: its size is not known before.
const maxRemoteFile = 4 << 30

// remoteFiles are the files that a server gives, gathered in a directory.
type remoteFiles struct {
	client *client.Client
	dir    string
	names  int
}

// Get implements [flverify.Files]. What the server does not give is not there.
func (f *remoteFiles) Get(ctx context.Context, digest ledger.Digest) (blob.Blob, error) {
	content, err := f.client.Blob(ctx, digest)
	var p *client.Problem
	if errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusForbidden) {
		return nil, fmt.Errorf("%w: %w", blob.ErrNotFound, err)
	}
	if err != nil {
		return nil, err
	}
	f.names++
	path := filepath.Join(f.dir, strconv.Itoa(f.names))
	if err := errors.Join(gather(path, content, digest), content.Close()); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", digest, err)
	}
	return openFile(path)
}

// gather writes content into a new file and checks its digest.
func gather(path string, content io.Reader, want ledger.Digest) error {
	file, err := durable.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(content, maxRemoteFile+1))
	if err == nil && n > maxRemoteFile {
		err = fmt.Errorf("more than %d bytes", int64(maxRemoteFile))
	}
	if got := ledger.Digest(sum.Sum(nil)); err == nil && got != want {
		err = &blob.CorruptError{Digest: want, Reason: "the server sent " + got.String()}
	}
	return errors.Join(err, file.Close())
}

// openFile opens a file, which is gone once it is closed.
func openFile(path string) (blob.Blob, error) {
	file, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &passing{File: file, size: info.Size()}, nil
}

// passing is a file that lives until it is closed.
type passing struct {
	*os.File

	size int64
}

// Size implements [blob.Blob].
func (p *passing) Size() int64 { return p.size }

// Close implements [blob.Blob].
func (p *passing) Close() error { return errors.Join(p.File.Close(), os.Remove(p.Name())) }
