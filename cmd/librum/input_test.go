package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/librum/librum/internal/durable"
	"github.com/librum/librum/localnet"
)

// TestIrregularFilesAreRefused gives commands a pipe that nobody writes, a
// device that never ends, a directory and a file of 50 GiB where a file is
// expected: each is refused at once, and the message names the path.
func TestIrregularFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, sparse := filepath.Join(dir, "pipe"), filepath.Join(dir, "sparse")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(sparse, nil, 0o600), os.Truncate(sparse, 50<<30)); err != nil {
		t.Fatal(err)
	}
	network, office := filepath.Join(dir, "network"), filepath.Join(dir, "office")
	if err := localnet.Create(localnet.Dir(network), localnet.SecretsFromSeed(1), localnet.Spec{Nodes: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	id := strings.Repeat("1", 64)
	if _, text, code := run(t, newCACommand(), "init", "--dir", office, "--genesis", filepath.Join(network, "genesis.cbor"),
		"--organisation", "organisation-0"); code != 0 {
		t.Fatal(text)
	}
	spec, rules := filepath.Join(dir, "job.yaml"), filepath.Join(dir, "policy.yaml")
	if err := errors.Join(os.WriteFile(spec, []byte("num_rounds: 1\nmodel: {name: logistic, layers: [1, 2]}\n"), 0o600),
		os.WriteFile(rules, []byte("creators: [any]\nmodels: [any]\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	roots := filepath.Join(office, "ca.pem")
	for _, bad := range []string{pipe, "/dev/zero", dir, sparse} {
		for name, args := range map[string][]string{
			"verify chain":           {"verify", "chain", "--dir", network, "--genesis", bad},
			"verify job":             {"verify", "job", id, "--dir", network, "--genesis", bad},
			"verify tx":              {"verify", "tx", id, "--server", "http://127.0.0.1:1", "--genesis", bad},
			"verify FILE":            {"verify", bad},
			"doctor":                 {"doctor", "--dir", network, "--genesis", bad},
			"ca init":                {"ca", "init", "--dir", filepath.Join(dir, "new"), "--genesis", bad, "--organisation", "organisation-0"},
			"ca enroll":              {"ca", "enroll", bad, "--dir", office},
			"ca enroll --from":       {"ca", "enroll", "--from", bad, "--dir", office},
			"peer policy test":       {"peer", "policy", "test", "--policy", bad, "-f", spec},
			"job submit":             {"job", "submit", "--file", bad},
			"job run":                {"job", "run", "-f", bad},
			"tx submit":              {"tx", "submit", bad},
			"token":                  {"account", "show", id[:32], "--token-file", bad},
			"authorities":            {"account", "show", id[:32], "--server", "https://127.0.0.1:1", "--ca", bad},
			"identity key":           {"peer", "pause", "--genesis", id, "--identity", bad},
			"passphrase":             {"ca", "rotate", "authority", "--dir", office, "--new-passphrase-file", bad},
			"verify --server, --ca":  {"verify", "chain", "--server", "https://127.0.0.1:1", "--ca", bad},
			"verify --server, --crl": {"verify", "chain", "--server", "https://127.0.0.1:1", "--ca", roots, "--crl", bad},
			"doctor, --crl":          {"doctor", "--server", "https://127.0.0.1:1", "--ca", roots, "--crl", bad},
			"evidence":               {"ca", "enroll", spec, "--dir", office, "--evidence", bad},
			"egress log":             {"peer", "policy", "test", "--policy", rules, "-f", spec, "--egress", bad},
		} {
			if bad == sparse && name == "verify FILE" {
				continue // an evidence file may be large: it is read where it is
			}
			text, code := inTime(t, name+" "+bad, args)
			if code == 0 || !strings.Contains(text, bad) {
				t.Errorf("%s, %s: exit %d, %q; want a refusal that names the path", name, bad, code, text)
			}
		}
	}
}

// inTime runs a command and returns what it says and its exit code. One that
// hangs can't be ended, so that the test does.
func inTime(t *testing.T, name string, args []string) (text string, code int) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var out bytes.Buffer
		root := newRootCommand()
		root.SetIn(strings.NewReader(""))
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(args)
		err := root.ExecuteContext(t.Context())
		if err != nil {
			out.WriteString(err.Error())
			code = exitNo
		}
		if coded, ok := errors.AsType[*exitError](err); ok {
			code = coded.code
		}
		text = out.String()
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s: it hangs", name)
	}
	return text, code
}

// TestPipesInADirectory puts a pipe in the place of each file of a stopped
// network: who checks it says so, or does without, and does not wait.
func TestPipesInADirectory(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, localnet.SecretsFromSeed(1), localnet.Spec{Nodes: 1, Accounts: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	n, err := localnet.Open(t.Context(), dir, localnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- n.Run(ctx) }()
	if _, _, err := n.Nodes[0].Blobs.Put(ctx, strings.NewReader("content"), 100); err != nil {
		t.Error(err)
	}
	stop()
	if err := errors.Join(<-ran, n.Close()); err != nil {
		t.Fatal(err)
	}
	var paths []string
	if err := dir.WalkFiles(func(path string, _ os.FileInfo) error { paths = append(paths, path); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(paths) < 10 {
		t.Fatalf("only %v", paths)
	}
	for _, path := range paths {
		full := filepath.Join(string(dir), path)
		if err := errors.Join(os.Rename(full, full+".aside"), syscall.Mkfifo(full, 0o600)); err != nil {
			t.Fatal(err)
		}
		text, code := inTime(t, "fsck "+path, []string{"fsck", "--dir", string(dir)})
		if code == 0 || !strings.Contains(text, path) {
			t.Errorf("fsck with a pipe in the place of %s: exit %d, %s", path, code, text)
		}
		inTime(t, "verify "+path, []string{"verify", "chain", "--dir", string(dir)})
		inTime(t, "doctor "+path, []string{"doctor", "--dir", string(dir)})
		if err := os.Rename(full+".aside", full); err != nil {
			t.Fatal(err)
		}
	}
	if text, code := inTime(t, "fsck", []string{"fsck", "--dir", string(dir)}); code != 0 {
		t.Errorf("all back in place: %s", text)
	}
}

// TestStreams reads what the shell opens for a command, within bounds and no
// longer than it is waited for.
func TestStreams(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(r.Close(), w.Close()) }()
	ctx, stop := context.WithCancelCause(t.Context())
	cause := errors.New("interrupted")
	ended := make(chan error, 1)
	go func() {
		_, err := readInput(ctx, r, stdinName, 10)
		ended <- err
	}()
	stop(cause)
	if err := <-ended; !errors.Is(err, cause) {
		t.Errorf("nothing comes: %v, want that it was interrupted", err)
	}
	if _, err := w.WriteString("0123456789"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := readInput(t.Context(), r, stdinName, 10); err != nil || string(b) != "0123456789" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := readInput(t.Context(), io.LimitReader(zeros{}, 11), stdinName, 10); !errors.Is(err, durable.ErrTooLarge) {
		t.Errorf("a byte too many: %v, want ErrTooLarge", err)
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if b, err := readGiven(t.Context(), fmt.Sprintf("/dev/fd/%d", file.Fd()), 10); err != nil || len(b) != 0 {
		t.Errorf("an open stream that is empty: %q, %v", b, err)
	}
	for path, want := range map[string]bool{
		"/dev/fd/63": true, "/dev/stdin": true, "/proc/self/fd/3": true,
		"/dev/fd/": false, "/dev/fd/../zero": false, "/proc/self/fd/3/x": false, "/dev/zero": false, "pipe": false,
	} {
		if _, ok := descriptor(path); ok != want {
			t.Errorf("%s is a stream that is open: want %t", path, want)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
