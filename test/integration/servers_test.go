package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// addresses returns what the variable names, or skips.
func addresses(t testing.TB, variable string) []string {
	t.Helper()
	list := os.Getenv(variable)
	if list == "" {
		t.Skipf("%s names no servers; see make test-integration", variable)
	}
	return strings.Split(list, ",")
}

// server is one process that make servers started.
type server string

func (s server) do(t testing.TB, verb string) {
	t.Helper()
	script := filepath.Join("..", "..", "tools", "servers", "servers.sh")
	if out, err := exec.CommandContext(t.Context(), script, verb, string(s)).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", verb, s, err, out)
	}
}

// kill ends the process as a crash would.
func (s server) kill(t testing.TB) { t.Helper(); s.do(t, "kill") }

// run starts it again.
func (s server) run(t testing.TB) { t.Helper(); s.do(t, "run") }

// pause stops it where it stands; it goes on after resume.
func (s server) pause(t testing.TB)  { t.Helper(); s.do(t, "pause") }
func (s server) resume(t testing.TB) { t.Helper(); s.do(t, "continue") }
