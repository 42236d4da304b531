package app_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestTokensWalk runs the lines of docs/tokens.md as they stand there, but for the
// port, and the one that it says is refused.
func TestTokensWalk(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "python3", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the document's lines need %s: %v", tool, err)
		}
	}
	blocks := codeBlocks(t, "docs/tokens.md", "## Five minutes")
	if len(blocks) != 2 || strings.TrimSpace(blocks[0]) != "bin/librum dev --peers 1" {
		t.Fatalf("the section has %d blocks, want dev and the walk", len(blocks))
	}
	dir := t.TempDir()
	linkBinary(t, dir)
	port := freePort(t)
	d := startDev(t, filepath.Join(dir, "librum-dev"), 1, "127.0.0.1:"+port)
	out := bash(t, dir, port, blocks[1]+`
echo "holds $(bin/librum token balance $MILL $OTHER --json)"
NEXT=$(bin/librum token holders $MILL --limit 1 | sed -n 's/^more: --cursor //p')
echo "behind it $(bin/librum token holders $MILL --cursor $NEXT | wc -l)"
echo "owner $(bin/librum nft show $PRINTS 1 --json | grep -c "\"owner\":\"$OTHER\"")"
code=0; bin/librum token transfer $MILL $ME 1000 $AS_OTHER || code=$?; echo "exit $code"
code=0; bin/librum token mint native $ME 1 $AS_ME || code=$?; echo "exit $code"
`)
	for _, want := range []string{
		"supply   1080", "cap      5000", `"balance":"400"`, "owner 1", "behind it 1\n", "insufficient_funds", "exit 1", "exit 2", "image/png, SHA-256 ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the walk does not say %q:\n%s", want, out)
		}
	}
	d.end(t, syscall.SIGTERM)
}
