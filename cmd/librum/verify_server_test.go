package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/client"
)

// TestLyingServer has a server that answers with what nobody should take.
func TestLyingServer(t *testing.T) {
	t.Parallel()
	honest := ledger.Hash([]byte("honest"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/status":
			_, _ = io.WriteString(w, `{"height":18446744073709551615}`)
		case "/v1/blocks/1/bytes":
			_, _ = io.WriteString(w, "no block")
		case "/v1/blobs/" + honest.String():
			_, _ = io.WriteString(w, "honest")
		case "/v1/blobs/" + ledger.Digest{1}.String():
			_, _ = io.WriteString(w, "something else")
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"type":"x/not_found","status":404,"title":"not found"}`)
		}
	}))
	defer s.Close()
	c, err := client.New(s.URL, "", client.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	chain := newRemoteChain(t.Context(), c)
	defer chain.close()
	if height, ok, err := chain.Height(t.Context()); err != nil || !ok || height != 1<<64-1 {
		t.Fatalf("%d, %t, %v", height, ok, err)
	}
	_, _, err = chain.Block(t.Context(), 1)
	if found, ok := errors.AsType[*verify.Finding](err); !ok || found.Kind != "malformed" {
		t.Errorf("rubbish as a block: %v", err)
	}
	if _, _, err := chain.Block(t.Context(), 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no block: %v, want ErrNotFound", err)
	}

	files := &remoteFiles{client: c, dir: t.TempDir()}
	got, err := files.Get(t.Context(), honest)
	if err != nil || got.Size() != 6 {
		t.Fatalf("%v", err)
	}
	if err := got.Close(); err != nil {
		t.Error(err)
	}
	if _, err := files.Get(t.Context(), ledger.Digest{1}); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("other content: %v, want ErrCorrupt", err)
	}
	if _, err := files.Get(t.Context(), ledger.Digest{2}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("no content: %v, want ErrNotFound", err)
	}
	left, err := os.ReadDir(files.dir)
	if err != nil || len(left) > 1 { // of the corrupt one, until the directory goes
		t.Errorf("%d files are left, %v", len(left), err)
	}
	if err := gather(files.dir+"/long", strings.NewReader("x"), ledger.Hash([]byte("x"))); err != nil {
		t.Error(err)
	}
}
