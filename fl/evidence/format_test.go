package evidence_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/evidence"
	"github.com/librum/librum/fl/verify"
)

var rewrite = flag.Bool("rewrite", false, "write the golden file anew instead of comparing with it")

// fixed is a file of three blocks with one transaction of the job, signed by
// nobody: what matters is where its bytes stand.
func fixed(tb testing.TB) []byte {
	tb.Helper()
	spool, err := os.Create(filepath.Join(tb.TempDir(), "spool"))
	if err != nil {
		tb.Fatal(err)
	}
	defer spool.Close()
	job := ledger.Digest(bytes.Repeat([]byte{0xab}, 32))
	blobs, err := file.Open(context.Background(), vfs.NewMem(), "blobs", file.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer blobs.Close()
	digest, _, err := blobs.Put(context.Background(), strings.NewReader("model"), 5)
	if err != nil {
		tb.Fatal(err)
	}
	event, err := ledger.Encode(map[string]ledger.Digest{"job": job})
	if err != nil {
		tb.Fatal(err)
	}
	r := evidence.NewRecorder(job, spool)
	for height := uint64(1); height <= 3; height++ {
		b := evidence.Executed{Height: height, Final: height < 3}
		header := ledger.Header{
			Version: ledger.Version, Height: height, LogTime: int64(height),
			First: ledger.Position{Offset: height}, Last: ledger.Position{Offset: height},
		}
		if b.Header, err = header.Bytes(); err != nil {
			tb.Fatal(err)
		}
		b.Results = []ledger.Result{{ID: ledger.Digest{1}, Code: ledger.CodeOK}, {ID: ledger.Digest{2}, Code: ledger.CodeOK}}
		b.Transactions = [][]byte{[]byte("one"), []byte("two")}
		b.Writes = [][]ledger.Write{nil, {{Key: []byte("k"), Value: []byte("v")}}}
		if height == 2 {
			b.Results[1].Events = []ledger.Event{{Type: "job.created", Data: event}}
		}
		if err := r.Add(&b); err != nil {
			tb.Fatal(err)
		}
	}
	reads := &evidence.Reads{Files: []verify.Files{blobs}}
	if err := reads.Copy(context.Background(), new(bytes.Buffer), digest); err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.Write(context.Background(), &out, []byte("genesis"), reads); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// TestGolden holds that the format of version 1 never changes.
func TestGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/version-1.golden"
	got := hex.EncodeToString(fixed(t)) + "\n"
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("written:\n%swant:\n%s", got, want)
	}
}

// FuzzFile reads whatever has a right sum: it is refused by a named error or
// read, and never taken for evidence.
func FuzzFile(f *testing.F) {
	whole := fixed(f)
	f.Add(whole[:len(whole)-sha256.Size])
	f.Add(whole[:60])
	f.Add([]byte("librumev\x00\x00\x00\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := sha256.Sum256(b)
		r, err := check(t, append(slices.Clip(b), s[:]...), evidence.Input{
			Verify: func(ledger.PublicKey, []byte, [ledger.SignatureSize]byte) bool { return true },
		})
		if right(r, err) {
			t.Errorf("%x is taken for evidence", b)
		}
		if err != nil && !errors.Is(err, evidence.ErrFormat) {
			t.Errorf("%v, want ErrFormat", err)
		}
	})
}

func FuzzParseBlock(f *testing.F) {
	f.Add([]byte{0x84, 0x40, 0x80, 0x80, 0x80})
	f.Add([]byte{0x84, 0x40, 0x80, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := evidence.ParseBlock(b)
		if err != nil {
			return
		}
		if again, err := ledger.Encode(&k); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is taken for %x, %v", b, again, err)
		}
	})
}
