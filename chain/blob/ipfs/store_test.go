package ipfs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/blob/blobtest"
	"github.com/librum/librum/chain/blob/ipfs"
	"github.com/librum/librum/chain/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kubo returns the addresses of real nodes, or skips.
func kubo(t testing.TB) []string {
	t.Helper()
	list := os.Getenv("LIBRUM_TEST_KUBO")
	if list == "" {
		t.Skip("LIBRUM_TEST_KUBO names no kubo; see make test-integration")
	}
	return strings.Split(list, ",")
}

func open(t testing.TB, c ipfs.Config) *ipfs.Store {
	t.Helper()
	if c.Root == "" {
		c.Root = "/librum-test-" + rand.Text()
	}
	s, err := ipfs.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// command runs one of kubo's, as an operator would.
func command(t testing.TB, api, name string, arguments ...string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"/api/v0/"+name+"?"+url.Values{"arg": arguments}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %v: status %d, %s, %v", name, arguments, res.StatusCode, body, err)
	}
	return string(body)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	api := kubo(t)[0]
	blobtest.Run(t, func(t testing.TB) blob.Store {
		t.Helper()
		return open(t, ipfs.Config{API: api})
	})
}

// sized yields size bytes that differ from place to place, without holding them.
func sized(size int64) io.Reader { return io.LimitReader(&endless{}, size) }

type endless struct{ at uint64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e.at * 0x9e3779b97f4a7c15 >> 56)
		e.at++
	}
	return len(p), nil
}

// TestCID compares the address that is computed here with kubo's, below one
// chunk, at one, and with one and two levels of nodes above the chunks.
func TestCID(t *testing.T) {
	t.Parallel()
	s := open(t, ipfs.Config{API: kubo(t)[0]})
	for _, size := range []int64{0, 10, 1 << 20, 1<<20 + 1, 5_000_000, 200 << 20} {
		digest, _, err := s.Put(t.Context(), sized(size), size)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Address(t.Context(), digest)
		want, cidErr := ipfs.CID(sized(size))
		if err := errors.Join(err, cidErr); err != nil || got != want.String() {
			t.Errorf("%d bytes: kubo says %s, computed %s, %v", size, got, want, err)
		}
		if err := s.Delete(t.Context(), digest); err != nil {
			t.Error(err)
		}
	}
}

// TestGolden holds addresses that must never change. It needs no kubo.
func TestGolden(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]string{
		10:        "bafkreicw5spk45roextrxltdetbiiodiyt43nhjcuy4qi5txojmrqeh6oy",
		5_000_000: "bafybeifnkib66w47eceghjkdhrmkebwtwnetmwby6xur4uwavs2jzt546i",
	} {
		if got, err := ipfs.CID(sized(size)); err != nil || got.String() != want {
			t.Errorf("%d bytes have %s, %v; want %s", size, got, err, want)
		}
	}
}

// TestPinned finds content among kubo's pins until it is deleted, and survives a
// collection of garbage.
func TestPinned(t *testing.T) {
	t.Parallel()
	api := kubo(t)[0]
	s := open(t, ipfs.Config{API: api, SumBytes: 1}) // remembers nothing, so that each Get reads all
	content := blobtest.Content(3_000_001)
	digest, _, err := s.Put(t.Context(), bytes.NewReader(content), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	cid, err := s.Address(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	command(t, api, "repo/gc")
	if pins := command(t, api, "pin/ls", cid); !strings.Contains(pins, "recursive") {
		t.Errorf("pins are %s", pins)
	}
	if err := blobtest.Check(t.Context(), s, content); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if pins := command(t, api, "pin/ls"); strings.Contains(pins, cid) {
		t.Errorf("%s is pinned after it was deleted", cid)
	}
}

// TestFetch gets content from another node of the swarm by its address, and
// takes it only if it is what its digest says.
func TestFetch(t *testing.T) {
	t.Parallel()
	nodes := kubo(t)
	if len(nodes) < 2 {
		t.Skip("there is one kubo only")
	}
	there, here := open(t, ipfs.Config{API: nodes[0]}), open(t, ipfs.Config{API: nodes[1], Timeout: 5 * time.Second})
	content := blobtest.Content(2_500_000)
	copy(content, rand.Text()) // not there from an earlier run
	digest, _, err := there.Put(t.Context(), bytes.NewReader(content), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	cid, err := there.Address(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := here.Get(t.Context(), digest); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("before it was fetched: %v, want ErrNotFound", err)
	}
	if err := here.Fetch(t.Context(), ledger.Digest{1}, cid, 1<<30); !errors.Is(err, blob.ErrDigest) {
		t.Errorf("under another digest: %v, want ErrDigest", err)
	}
	if err := here.Fetch(t.Context(), digest, cid, 2_499_999); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("longer than the limit: %v, want ErrTooLarge", err)
	}
	if err := here.Fetch(t.Context(), digest, cid, 2_500_000); err != nil {
		t.Fatal(err)
	}
	if err := blobtest.Check(t.Context(), here, content); err != nil {
		t.Error(err)
	}
	nobody, err := ipfs.CID(strings.NewReader(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Fetch(t.Context(), digest, nobody.String(), 1<<30); err == nil || !strings.Contains(err.Error(), "nothing moved") {
		t.Errorf("content that nobody has: %v, want the time-out", err)
	}
}

// TestFetchAnotherChunking fetches content that a stranger has cut in another way:
// it is kept under the address that this package gives it.
func TestFetchAnotherChunking(t *testing.T) {
	t.Parallel()
	nodes := kubo(t)
	if len(nodes) < 2 {
		t.Skip("there is one kubo only")
	}
	content := append(blobtest.Content(1_200_000), rand.Text()...)
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "file")
	if err != nil {
		t.Fatal(err)
	}
	_, err = part.Write(content)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, nodes[0]+"/api/v0/add?cid-version=1&chunker=size-65536&pin=true&progress=false", &form)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	res, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var added struct{ Hash string }
	err = json.NewDecoder(res.Body).Decode(&added)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	own, err := ipfs.CID(bytes.NewReader(content))
	if err != nil || own.String() == added.Hash {
		t.Fatalf("the stranger's address is ours, %s, %v", added.Hash, err)
	}
	here, digest := open(t, ipfs.Config{API: nodes[1]}), ledger.Hash(content)
	if err := here.Fetch(t.Context(), digest, added.Hash, 1<<30); err != nil {
		t.Fatal(err)
	}
	if got, err := here.Address(t.Context(), digest); err != nil || got != own.String() {
		t.Errorf("it stands at %s, %v; want %s", got, err, own)
	}
	if err := blobtest.Check(t.Context(), here, content); err != nil {
		t.Error(err)
	}
}

// TestFalseName gives other content the name of a blob, and takes a blob's
// blocks away: the first is corrupt, the second missing, and Put mends both.
func TestFalseName(t *testing.T) {
	t.Parallel()
	api := kubo(t)[0]
	root := "/librum-test-" + rand.Text()
	s := open(t, ipfs.Config{API: api, Root: root})
	content := append(blobtest.Content(100), rand.Text()...)
	digest, _, err := s.Put(t.Context(), bytes.NewReader(content), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := s.Put(t.Context(), strings.NewReader(rand.Text()), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	falseCID, err := s.Address(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	path := root + "/blobs/" + digest.String()[:2] + "/" + digest.String()
	command(t, api, "files/rm", path)
	command(t, api, "files/cp", "/ipfs/"+falseCID, path)
	again := open(t, ipfs.Config{API: api, Root: root})
	if _, err := again.Get(t.Context(), digest); !errors.Is(err, blob.ErrCorrupt) {
		t.Errorf("get of a false name: %v, want ErrCorrupt", err)
	}
	if _, err := again.PutDigest(t.Context(), digest, bytes.NewReader(content), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := blobtest.Check(t.Context(), again, content); err != nil {
		t.Error(err)
	}
	cid, err := again.Address(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	command(t, api, "pin/rm", cid)
	command(t, api, "block/rm", cid)
	last := open(t, ipfs.Config{API: api, Root: root, Timeout: 3 * time.Second})
	if _, err := last.Get(t.Context(), digest); !errors.Is(err, blob.ErrNotFound) || !strings.Contains(err.Error(), "lost blocks") {
		t.Errorf("get of lost blocks: %v, want ErrNotFound", err)
	}
	if err := last.Delete(t.Context(), digest); err != nil {
		t.Errorf("delete of lost blocks: %v", err)
	}
	if _, err := last.PutDigest(t.Context(), digest, bytes.NewReader(content), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := blobtest.Check(t.Context(), last, content); err != nil {
		t.Error(err)
	}
}

// TestUnreachable says where kubo should be, and never shows the secret.
// TestLeftUploads fills the room for uploads in one life of a node. The next life
// has room again once nobody has gone on with them for their age; one that
// somebody goes on with stays.
func TestLeftUploads(t *testing.T) {
	t.Parallel()
	api, root := kubo(t)[0], "/librum-test-"+rand.Text()
	part := func(s *ipfs.Store, id byte, offset int64) error {
		_, err := s.Append(t.Context(), ledger.ID{id}, offset, strings.NewReader("x"), 2)
		return err
	}
	s := open(t, ipfs.Config{API: api, Root: root, MaxPartials: 2})
	if err := errors.Join(part(s, 1, 0), part(s, 2, 0)); err != nil {
		t.Fatal(err)
	}
	var hours atomic.Int64
	now := func() time.Time { return time.Unix(hours.Load()*3600, 0) }
	s = open(t, ipfs.Config{API: api, Root: root, MaxPartials: 2, PartialAge: 2 * time.Hour, Now: now})
	if err := part(s, 3, 0); !errors.Is(err, blob.ErrTooMany) {
		t.Errorf("a third upload: %v, want ErrTooMany", err)
	}
	hours.Store(1)
	if err := part(s, 2, 1); err != nil {
		t.Errorf("go on with an upload of the earlier life: %v", err)
	}
	hours.Store(2)
	if err := part(s, 3, 0); err != nil {
		t.Errorf("a third upload two hours later: %v", err)
	}
	if _, err := s.Partial(t.Context(), ledger.ID{1}); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("the upload that was left: %v, want ErrNotFound", err)
	}
	if size, err := s.Partial(t.Context(), ledger.ID{2}); err != nil || size != 2 {
		t.Errorf("the upload that went on has %d bytes, %v", size, err)
	}
	hours.Store(3)
	if err := part(s, 4, 0); err != nil {
		t.Errorf("a fourth upload when the second is old: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hanging.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	defer refusing.Close()
	for name, api := range map[string]string{"closed": "http://127.0.0.1:1", "hanging": hanging.URL, "refusing": refusing.URL} {
		_, err := ipfs.Open(t.Context(), ipfs.Config{API: api, Authorization: "Bearer secret", Timeout: 200 * time.Millisecond})
		if err == nil || !strings.Contains(err.Error(), api) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFullDisk is told apart from other faults of kubo: somebody must free space.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/add") {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"Message":"write /repo/blocks/X3/put-1: no space left on device"}`)) // the client sees it
			return
		}
		_, _ = w.Write([]byte("{}")) // likewise
	}))
	defer server.Close()
	s := open(t, ipfs.Config{API: server.URL})
	if _, _, err := s.Put(t.Context(), strings.NewReader("a model"), 1<<20); !errors.Is(err, blob.ErrFull) {
		t.Errorf("put: %v, want ErrFull", err)
	}
}

// TestFetchNames has a stranger name something else than a CID: kubo never
// hears of it.
func TestFetchNames(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/files/mkdir") {
			t.Errorf("kubo was asked %s", r.URL)
		}
		_, _ = w.Write([]byte("{}")) // the client sees it
	}))
	defer server.Close()
	s := open(t, ipfs.Config{API: server.URL})
	for _, name := range []string{"", "/ipns/stranger.example", "stranger.example", "bafkreiex76fdkvcnz5ak3baeob2ehhowvi5axzdj5jlyugy4af6zhhwgdq/../x"} {
		if err := s.Fetch(t.Context(), ledger.Digest{1}, name, 1<<20); err == nil || !strings.Contains(err.Error(), "no CID") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestLyingKubo sends more than was asked for, less, and other bytes.
func TestLyingKubo(t *testing.T) {
	t.Parallel()
	content := blobtest.Content(70_000)
	answer := func([]byte) []byte { return content }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/resolve"):
			_, _ = w.Write([]byte(`{"Path":"/ipfs/bafk"}`)) // the client sees it
		case strings.HasSuffix(r.URL.Path, "/files/stat"):
			_, _ = fmt.Fprintf(w, `{"Hash":"bafk","Size":%d}`, len(content)) // the client sees it
		case strings.HasSuffix(r.URL.Path, "/cat"):
			_, _ = w.Write(answer(content)) // likewise
		default:
			_, _ = w.Write([]byte("{}")) // likewise
		}
	}))
	defer server.Close()
	s := open(t, ipfs.Config{API: server.URL})
	b, err := s.Get(t.Context(), ledger.Hash(content))
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(content)
	changed[5] ^= 1
	for name, lie := range map[string][]byte{"more": append(bytes.Clone(content), 0), "less": content[:100], "others": changed} {
		answer = func([]byte) []byte { return lie }
		if n, err := b.ReadAt(make([]byte, len(content)), 0); err == nil {
			t.Errorf("%s: %d bytes were taken", name, n)
		}
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func Example() {
	ctx := context.Background()
	s, err := ipfs.Open(ctx, ipfs.Config{API: "http://127.0.0.1:5001"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	digest, size, err := s.Put(ctx, strings.NewReader("a model"), 1<<20)
	fmt.Println(digest, size, err)
}

func ExampleCID() {
	address, err := ipfs.CID(strings.NewReader("a model"))
	fmt.Println(address, err)
	// Output: bafkreiex76fdkvcnz5ak3baeob2ehhowvi5axzdj5jlyugy4af6zhhwgdq <nil>
}
