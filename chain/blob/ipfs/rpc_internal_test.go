package ipfs

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAnswerBeforeTheEnd: a server that answers at the form's last boundary, as
// kubo does, is not cut off before its answer was read, however the two race.
func TestAnswerBeforeTheEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for {
			part, err := form.NextPart()
			if err != nil {
				break // the last boundary
			}
			_, _ = io.Copy(io.Discard, part)
		}
		control := http.NewResponseController(w)
		if err := control.EnableFullDuplex(); err != nil { // else the server reads to the end first
			t.Error(err)
		}
		w.WriteHeader(http.StatusOK)
		_ = control.Flush()
		_, _ = io.WriteString(w, `{"Hash": "`+strings.Repeat("x", 10_000)+`"}`)
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	r := &rpc{base: server.URL, client: server.Client(), timeout: time.Minute}
	for range 2_000 {
		var out struct{ Hash string }
		if err := r.send(t.Context(), "add", nil, strings.NewReader("content"), &out); err != nil || len(out.Hash) != 10_000 {
			t.Fatalf("answer of %d bytes, %v", len(out.Hash), err)
		}
	}
	broken := errors.New("the disk broke")
	if err := r.send(t.Context(), "add", nil, io.MultiReader(strings.NewReader("half"), failing{broken}), nil); !errors.Is(err, broken) {
		t.Errorf("content that can't be read: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
