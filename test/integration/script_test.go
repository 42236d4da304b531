package integration_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestServersThatEnded needs no server: a process that ended before anybody saw
// when it began, and one whose number is another's by now, are neither taken for
// running nor waited for, and the other goes on.
func TestServersThatEnded(t *testing.T) {
	t.Parallel()
	other := exec.CommandContext(t.Context(), "sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	for name, pid := range map[string]string{
		"ended at once": "4194305 \n", // no process has such a number
		"number reused": strconv.Itoa(other.Process.Pid) + " 1\n",
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "x", "pid"), []byte(pid), 0o600); err != nil {
			t.Fatal(err)
		}
		for verb, wantErr := range map[string]bool{"status": true, "stop": false} {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			c := exec.CommandContext(ctx, filepath.Join("..", "..", "tools", "servers", "servers.sh"), verb)
			c.Env = append(os.Environ(), "LIBRUM_SERVERS_DIR="+dir)
			c.WaitDelay = time.Second
			out, err := c.CombinedOutput()
			if ctx.Err() != nil || (err != nil) != wantErr {
				t.Errorf("%s: %s: %v, %v\n%s", name, verb, err, ctx.Err(), out)
			}
			cancel()
		}
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other process: %v", err)
	}
}
