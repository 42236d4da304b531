package app_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestReadme runs the lines of the README's section about a network that stays
// up, as they stand there, but for the port.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the README's lines need %s: %v", tool, err)
		}
	}
	blocks := codeBlocks(t, "README.md", "## A network that stays up")
	if len(blocks) != 4 || !strings.Contains(blocks[0], "librum dev") || !strings.Contains(blocks[3], "verify") {
		t.Fatalf("the section has %d blocks, want dev, curl, job run, verify", len(blocks))
	}
	dir := t.TempDir()
	linkBinary(t, dir)
	port := freePort(t)

	network := filepath.Join(dir, "librum-dev")
	d := startDev(t, network, 10, fmt.Sprintf("127.0.0.1:%s", port))
	bash(t, dir, port, blocks[1]+"\n"+blocks[2]+"\nenv > environment")
	var card struct {
		Model struct {
			Digest string `json:"digest"`
		} `json:"model"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "card.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &card); err != nil || len(card.Model.Digest) != 64 {
		t.Errorf("card.json holds %s, error %v", b, err)
	}
	if sum := bash(t, dir, port, "sha256sum < model.safetensors"); !strings.HasPrefix(sum, card.Model.Digest) {
		t.Errorf("model.safetensors has digest %s, the card says %s", sum, card.Model.Digest)
	}
	searches(t, dir, port)
	d.end(t, syscall.SIGTERM)
	out := bash(t, dir, port, `export $(grep ^JOB= environment)`+"\n"+blocks[3])
	if !strings.Contains(out, "right: 5 rounds, 50 updates, 5 averages") {
		t.Errorf("verify says\n%s", out)
	}
}

// searches runs the lines of docs/search.md once the index has both jobs of the
// README.
func searches(t *testing.T, dir, port string) {
	t.Helper()
	const path = "export PATH=$PWD/bin:$PATH\n"
	bash(t, dir, port, path+"until librum search 'kind:job AND state:finished' | grep '^2 found' >/dev/null; do :; done")
	lines := codeBlocks(t, filepath.Join("docs", "search.md"), "# Search")
	if len(lines) != 1 {
		t.Fatalf("docs/search.md begins with %d blocks, want one", len(lines))
	}
	out := bash(t, dir, port, path+lines[0])
	for _, want := range []string{"10 found, up to block", "round.final", `"value":`, "accuracy"} {
		if !strings.Contains(out, want) {
			t.Errorf("docs/search.md: want %q in\n%s", want, out)
		}
	}
}

// codeBlocks returns the fenced blocks of a section of a document.
func codeBlocks(t *testing.T, document, heading string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", document))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", document, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for i, part := range strings.Split(section, "```") {
		if i%2 == 1 {
			_, code, _ := strings.Cut(part, "\n")
			blocks = append(blocks, code)
		}
	}
	return blocks
}

// linkBinary puts the binary where documents have it.
func linkBinary(t *testing.T, dir string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(librum, filepath.Join(dir, "bin", "librum")); err != nil {
		t.Fatal(err)
	}
}

// bash runs lines in a directory and returns what they printed.
func bash(t *testing.T, dir, port, lines string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", strings.ReplaceAll(lines, "8080", port))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LIBRUM_SERVER=http://127.0.0.1:"+port)
	out, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", lines, out)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// freePort returns a port that nobody listens on at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}
