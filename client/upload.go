package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// Upload sends an update and returns it complete, with its receipts. Broken
// off, it goes on from where the server got, in this call and in later ones.
func (c *Client) Upload(ctx context.Context, u v1.NewUpload, content io.ReaderAt) (v1.Upload, error) {
	rests := c.rests()
	reached := int64(-1)
	for {
		out, err := c.announce(ctx, u)
		if err != nil {
			return out, fmt.Errorf("announce the upload: %w", err)
		}
		if out.Complete {
			return out, nil
		}
		if out.Offset > reached && reached >= 0 {
			rests.progress()
		}
		reached = out.Offset
		out, err = c.send(ctx, out, content)
		var p *Problem
		switch {
		case err == nil && out.Complete:
			return out, nil
		case err == nil:
			rests.progress() // the server took a part of what it got
			continue
		case errors.As(err, &p) && !p.temporary() && !goesOn(p), ctx.Err() != nil:
			return out, fmt.Errorf("send the upload: %w", err)
		}
		if !rests.rest(ctx, retryAfter(p)) {
			return out, fmt.Errorf("send the upload: %w", err)
		}
	}
}

// goesOn reports whether announcing again helps: the server stands elsewhere
// or has forgotten.
func goesOn(p *Problem) bool {
	switch p.Code() {
	case "upload_offset", "upload_busy", "body_timeout", "not_found":
		return true
	}
	return false
}

func retryAfter(p *Problem) time.Duration {
	if p == nil {
		return 0
	}
	return p.RetryAfter
}

func (c *Client) announce(ctx context.Context, u v1.NewUpload) (v1.Upload, error) {
	var out v1.Upload
	b, err := json.Marshal(u)
	if err != nil {
		return out, err
	}
	return out, c.do(ctx, &call{
		method: http.MethodPost, path: "/v1/uploads", contentType: "application/json", body: b, safe: true, out: &out,
	})
}

// send sends what the server lacks.
func (c *Client) send(ctx context.Context, u v1.Upload, content io.ReaderAt) (v1.Upload, error) {
	ctx, touch, stop := watch(ctx, c.options.Idle)
	defer stop()
	rest := io.NewSectionReader(content, u.Offset, u.Size-u.Offset)
	request, err := c.request(ctx, http.MethodPatch, "/v1/uploads/"+u.ID.String(), nil, &moving{rest, touch})
	if err != nil {
		return u, err
	}
	request.ContentLength = rest.Size()
	request.Header.Set("Content-Type", "application/offset+octet-stream")
	request.Header.Set("Upload-Offset", strconv.FormatInt(u.Offset, 10))
	response, err := c.http.Do(request) //nolint:bodyclose // drop closes it
	if err != nil {
		return u, fmt.Errorf("ask %s: %w", c.base.Host, err)
	}
	defer drop(response.Body)
	if response.StatusCode >= http.StatusMultipleChoices {
		return u, readProblem(response)
	}
	k := call{path: request.URL.Path, out: &u}
	return u, k.read(response)
}

// NewUpload returns the announcement of an update held in memory.
func NewUpload(job ledger.Digest, round uint64, peer ledger.ID, content []byte) v1.NewUpload {
	return v1.NewUpload{Job: job, Round: round, Peer: peer, Size: int64(len(content)), Digest: ledger.Hash(content)}
}
