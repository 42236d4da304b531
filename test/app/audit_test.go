package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// verdict is what verify and fsck print with --json.
type verdict struct {
	OK      bool              `json:"ok"`
	Verdict string            `json:"verdict"`
	Checked map[string]uint64 `json:"checked"`
	First   *struct {
		Kind    string `json:"kind"`
		Where   string `json:"where"`
		Message string `json:"message"`
	} `json:"first_error"`
}

const auditedJob = `
num_rounds: 2
min_train_peers: 2
min_available_peers: 2
seed: 3
model: {name: logistic, layers: [64, 10]}
train: {local_epochs: 1, batch_size: 8, learning_rate: 0.05}
`

// TestAudit goes the ways of an auditor: against the running network, which is
// trusted in nothing but the genesis digest, and over the directory it leaves.
func TestAudit(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	d := startDev(t, dir, 2, anyPort)
	spec := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(spec, []byte(auditedJob), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := output(t, d.env, "job", "run", "-f", spec, "--json")
	if code != 0 {
		t.Fatalf("job run: exit %d", code)
	}
	job := lastLine[struct {
		Job string `json:"job"`
	}](t, out).Job
	token := filepath.Join(dir, "token")
	server := []string{"--server", d.base, "--token-file", token, "--genesis", d.genesis}
	auditServer(t, server, job, d)
	remote := filepath.Join(t.TempDir(), "remote.evidence")
	out, code = output(t, d.env, "job", "export", job, "--evidence", remote, "--genesis", d.genesis, "--json")
	if code != 0 {
		t.Errorf("job export from the server: exit %d, %s", code, out)
	}
	out, code = output(t, nil, "fsck", "--dir", dir, "--json")
	if v := lastLine[verdict](t, out); code != 3 || v.OK || v.Verdict != "incomplete" {
		t.Errorf("fsck of a running network: exit %d, %+v, want 3", code, v)
	}

	d.end(t, syscall.SIGTERM)
	auditFiles(t, dir)
	auditReadOnly(t, dir, d.genesis, job)
	auditEvidence(t, dir, d.genesis, job, remote)
}

// auditEvidence checks the files that a server and a directory give, in a place
// where there is nothing else.
func auditEvidence(t *testing.T, dir, genesis, job, remote string) {
	t.Helper()
	local := filepath.Join(t.TempDir(), "local.evidence")
	model, card := filepath.Join(t.TempDir(), "model.safetensors"), filepath.Join(t.TempDir(), "card.json")
	if _, code := output(t, nil, "job", "export", job, "--dir", dir, "--evidence", local, "--model", model, "--card", card); code != 0 {
		t.Fatalf("job export: exit %d", code)
	}
	for _, path := range []string{model, card} {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for path, averages := range map[string]uint64{local: 2, remote: 0} {
		out, code := output(t, nil, "verify", path, "--genesis", genesis, "--json")
		v := lastLine[verdict](t, out)
		if code != 0 || !v.OK || v.Verdict != "right" || v.Checked["averages"] != averages || v.Checked["rounds"] != 2 || v.Checked["signatures"] == 0 {
			t.Errorf("verify %s: exit %d, %+v", path, code, v)
		}
	}
	out, code := output(t, nil, "verify", local)
	for _, want := range []string{
		"ledger: attested by ", "recomputed: average of 2 updates", "claim of the peers", "nothing was executed again",
		"no transaction that took effect on the job is left out", "no anchor was given",
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("verify FILE, exit %d, does not say %q", code, want)
		}
	}
	whole, err := os.ReadFile(local)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() []byte{
		"flipped": func() []byte { b := append([]byte(nil), whole...); b[len(b)/3] ^= 1; return b },
		"cut":     func() []byte { return whole[:len(whole)/2] },
		"empty":   func() []byte { return nil },
	} {
		if err := os.WriteFile(local, change(), 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := output(t, nil, "verify", local, "--json")
		if v := lastLine[verdict](t, out); code != 1 || v.OK || v.First == nil || v.First.Kind != "malformed" {
			t.Errorf("%s: exit %d, %+v", name, code, v)
		}
	}
	out, code = output(t, nil, "verify", remote, "--genesis", strings.Repeat("0", 63)+"1", "--json")
	if v := lastLine[verdict](t, out); code != 1 || v.First == nil || v.First.Kind != "anchor" {
		t.Errorf("a foreign chain: exit %d, %+v", code, v)
	}
	if _, code := output(t, nil, "verify", filepath.Join(t.TempDir(), "nothing.evidence")); code != 3 {
		t.Errorf("a file that is not there: exit %d, want 3", code)
	}
}

// auditServer verifies chain and job of a running node.
func auditServer(t *testing.T, server []string, job string, d *dev) {
	t.Helper()
	awaitFinalEnd(t, d, job)
	out, code := output(t, nil, append([]string{"verify", "chain", "--json"}, server...)...)
	v := lastLine[verdict](t, out)
	if code != 0 || !v.OK || v.Verdict != "right" || v.Checked["blocks"] == 0 || v.Checked["transactions"] < 10 || v.Checked["signatures"] == 0 {
		t.Errorf("verify chain --server: exit %d, %+v", code, v)
	}
	out, code = output(t, nil, append([]string{"verify", "job", job}, server...)...)
	for _, want := range []string{
		"recomputed: initial model", "attested by ", "averages not recomputable from here: updates are not given to this reader",
		"claim of the peers", "2 on the word of a quorum alone",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("verify job --server does not say %q", want)
		}
	}
	if code != 0 {
		t.Errorf("verify job --server: exit %d", code)
	}
	out, code = output(t, nil, append([]string{"verify", "chain", "--json", "--min-height", "1000000"}, server...)...)
	if v := lastLine[verdict](t, out); code != 1 || v.Verdict != "wrong" || v.First == nil || v.First.Kind != "anchor" {
		t.Errorf("a height that is not reached: exit %d, %+v", code, v)
	}
	other := append(append([]string{"verify", "chain", "--json"}, server[:4]...), "--genesis", strings.Repeat("0", 63)+"1")
	out, code = output(t, nil, other...)
	if v := lastLine[verdict](t, out); code != 1 || v.First == nil || v.First.Kind != "anchor" {
		t.Errorf("another chain's genesis: exit %d, %+v", code, v)
	}
	out, code = output(t, nil, "verify", "chain", "--json", "--server", "http://127.0.0.1:1")
	if v := lastLine[verdict](t, out); code != 3 || v.OK || v.Verdict != "incomplete" {
		t.Errorf("nobody there: exit %d, %+v", code, v)
	}
	auditHealth(t, server, d)
	if _, code = output(t, nil, append([]string{"verify", "chain", "--dir", "x"}, server...)...); code != 2 {
		t.Errorf("--dir beside --server: exit %d, want 2", code)
	}
}

// auditHealth asks the doctor about the running network and its directory.
func auditHealth(t *testing.T, server []string, d *dev) {
	t.Helper()
	type diagnosis struct {
		OK     bool   `json:"ok"`
		State  string `json:"state"`
		Checks []struct {
			Name  string `json:"name"`
			State string `json:"state"`
			Fix   string `json:"fix"`
		} `json:"checks"`
	}
	dir := filepath.Dir(server[3])
	out, code := output(t, nil, append([]string{"doctor", "--dir", dir, "--json"}, server...)...)
	if v := lastLine[diagnosis](t, out); code != 0 || !v.OK || len(v.Checks) < 12 {
		t.Errorf("doctor: exit %d, %+v", code, v)
	}
	wrong := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(wrong, []byte("lbr_wrong\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code = output(t, nil, "doctor", "--server", d.base, "--token-file", wrong)
	if code != 1 || !strings.Contains(out, "→ give the one of this network with --token-file") {
		t.Errorf("doctor with a wrong token: exit %d", code)
	}
	out, code = output(t, nil, "doctor", "--server", "http://127.0.0.1:1", "--json")
	if v := lastLine[diagnosis](t, out); code != 3 || v.OK || v.State != "unknown" {
		t.Errorf("doctor of nobody: exit %d, %+v", code, v)
	}
	if _, code = output(t, nil, "doctor", "--dir", filepath.Join(dir, "nothing")); code != 3 {
		t.Errorf("doctor of nothing: exit %d, want 3", code)
	}
}

// awaitFinalEnd waits until what the job did last is final.
func awaitFinalEnd(t *testing.T, d *dev, job string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		out, code := output(t, nil, "verify", "job", job, "--server", d.base, "--token-file", d.env[1][len("LIBRUM_TOKEN_FILE="):])
		if code == 0 && strings.Contains(out, "state finished") {
			return
		}
	}
	t.Fatal("the end of the job is not final after 30 s")
}

// auditFiles has fsck find a change in a file of each kind.
func auditFiles(t *testing.T, dir string) {
	t.Helper()
	out, code := output(t, nil, "fsck", "--dir", dir)
	if code != 0 || !strings.Contains(out, "manifest whole") || !strings.Contains(out, "read: 4 nodes") {
		t.Errorf("fsck after a clean stop: exit %d", code)
	}
	for _, pattern := range []string{
		"genesis.cbor", "token", "manifest.cbor", "node-2/key", "log/*.log", "log/acknowledged", "node-1/store/*.log", "node-3/store/MANIFEST-*",
		"node-0/blobs/[0-9a-f][0-9a-f]/*",
	} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no file %s, %v", pattern, err)
		}
		whole, err := os.ReadFile(paths[0])
		if err != nil {
			t.Fatal(err)
		}
		changed := append([]byte(nil), whole...)
		changed[len(changed)/2] ^= 1
		if err := os.WriteFile(paths[0], changed, 0o600); err != nil {
			t.Fatal(err)
		}
		out, code := output(t, nil, "fsck", "--dir", dir, "--json")
		below, err := filepath.Rel(dir, paths[0])
		if v := lastLine[verdict](t, out); err != nil || code != 1 || v.OK || v.Verdict != "wrong" || !strings.Contains(out, below) {
			t.Errorf("a byte of %s changed: exit %d, %+v, %v", below, code, v, err)
		}
		if err := os.WriteFile(paths[0], whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// auditReadOnly verifies a directory in which nothing can be written, and finds
// it as it was.
func auditReadOnly(t *testing.T, dir, genesis, job string) {
	t.Helper()
	before := snapshot(t, dir)
	writable(t, dir, false)
	defer writable(t, dir, true)
	out, code := output(t, nil, "verify", "job", job, "--dir", dir, "--genesis", genesis, "--json")
	if v := lastLine[verdict](t, out); code != 0 || !v.OK || v.Checked["averages"] != 2 {
		t.Errorf("verify job in a directory that is read-only: exit %d, %+v", code, v)
	}
	if _, code := output(t, nil, "fsck", "--dir", dir); code != 0 {
		t.Errorf("fsck in a directory that is read-only: exit %d", code)
	}
	after := snapshot(t, dir)
	for path, was := range before {
		if after[path] != was {
			t.Errorf("%s was changed by verify or fsck", path)
		}
	}
	if len(after) != len(before) {
		t.Errorf("verify and fsck left %d files, there were %d", len(after), len(before))
	}
}

// file is what must not change of a file.
type file struct {
	content string
	changed time.Time
}

func snapshot(t *testing.T, dir string) map[string]file {
	t.Helper()
	all := map[string]file{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = file{string(b), info.ModTime()}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// writable gives or takes the right to write into the directories and files.
func writable(t *testing.T, dir string, yes bool) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() &^ 0o222
		if yes {
			mode |= 0o200
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Error(err)
	}
}
