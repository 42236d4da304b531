package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// DownloadModel puts a version of a job's model into the file at path: version
// n is the result of round n, 0 the initial model.
func (c *Client) DownloadModel(ctx context.Context, id ledger.Digest, version uint64, path string) (v1.File, error) {
	return c.download(ctx, "/v1/models/"+id.String()+"/versions/"+strconv.FormatUint(version, 10), ledger.Digest{}, path)
}

// DownloadBlob puts content into the file at path.
func (c *Client) DownloadBlob(ctx context.Context, digest ledger.Digest, path string) (v1.File, error) {
	return c.download(ctx, "/v1/blobs/"+digest.String(), digest, path)
}

// Blob opens content for reading. The caller checks its digest and closes it.
func (c *Client) Blob(ctx context.Context, digest ledger.Digest) (io.ReadCloser, error) {
	ctx, touch, stop := watch(ctx, c.options.Idle)
	response, err := c.open(ctx, "/v1/blobs/"+digest.String(), 0, "") //nolint:bodyclose // the caller closes it
	if err != nil {
		stop()
		return nil, err
	}
	return &opened{Reader: &moving{response.Body, touch}, close: func() error {
		defer stop()
		return response.Body.Close()
	}}, nil
}

type opened struct {
	io.Reader

	close func() error
}

// Close implements [io.Closer].
func (o *opened) Close() error { return o.close() }

// download gathers content beside its place, from where an earlier try
// stopped, checks it and moves it there. Without a wanted digest the one that
// the server names counts.
func (c *Client) download(ctx context.Context, route string, want ledger.Digest, path string) (v1.File, error) {
	head := get(route, nil, nil)
	head.method = http.MethodHead
	if err := c.do(ctx, head); err != nil {
		return v1.File{}, err
	}
	tag := head.answer.Get("ETag")
	digest, err := ledger.ParseDigest(strings.Trim(tag, `"`))
	if err != nil {
		return v1.File{}, fmt.Errorf("download %s: the server names no digest: %w", route, err)
	}
	if !want.IsZero() && digest != want {
		return v1.File{}, fmt.Errorf("download %s: the server offers %s, want %s", route, digest, want)
	}
	part := path + "." + digest.Short() + ".part"
	f, err := durable.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return v1.File{}, err
	}
	size, err := c.gather(ctx, route, tag, f)
	if err == nil {
		err = check(f, digest)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return v1.File{}, fmt.Errorf("download %s: %w", route, err)
	}
	return v1.File{Digest: digest, Size: uint64(size)}, os.Rename(part, path)
}

// gather appends to the file until it has all, and returns how much that is.
func (c *Client) gather(ctx context.Context, route, tag string, f *os.File) (int64, error) {
	rests := c.rests()
	for {
		at, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return at, err
		}
		n, err := c.part(ctx, route, tag, at, f)
		if err == nil {
			return at + n, f.Sync()
		}
		if n > 0 {
			rests.progress()
		}
		var p *Problem
		switch {
		case errors.As(err, &p) && p.Status == http.StatusRequestedRangeNotSatisfiable:
			return at, nil // all was there; the digest tells whether it is right
		case errors.As(err, &p) && !p.temporary(), ctx.Err() != nil, !rests.rest(ctx, retryAfter(p)):
			return at, err
		}
	}
}

// part appends what lies behind at.
func (c *Client) part(ctx context.Context, route, tag string, at int64, f *os.File) (int64, error) {
	ctx, touch, stop := watch(ctx, c.options.Idle)
	defer stop()
	response, err := c.open(ctx, route, at, tag)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if at > 0 && response.StatusCode != http.StatusPartialContent { // it changed: begin again
		if err := f.Truncate(0); err != nil {
			return 0, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return 0, err
		}
	}
	return io.Copy(f, &moving{response.Body, touch})
}

// open asks for content from at on.
func (c *Client) open(ctx context.Context, route string, at int64, tag string) (*http.Response, error) {
	request, err := c.request(ctx, http.MethodGet, route, nil, nil)
	if err != nil {
		return nil, err
	}
	if at > 0 {
		request.Header.Set("Range", "bytes="+strconv.FormatInt(at, 10)+"-")
		request.Header.Set("If-Range", tag)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		defer drop(response.Body)
		return nil, readProblem(response)
	}
	return response, nil
}

// check compares the file with its digest and empties it where it differs, so
// that the next try begins afresh.
func check(f *os.File, want ledger.Digest) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := ledger.Digest(h.Sum(nil)); got != want {
		return errors.Join(fmt.Errorf("the content has digest %s, want %s", got, want), f.Truncate(0))
	}
	return nil
}
