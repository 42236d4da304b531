package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fused matches arm64's instructions that multiply and add with one rounding.
var fused = regexp.MustCompile(`\bF(N?MADD|N?MSUB|MLA|MLS)[SDH]?\b`)

// TestNoFusedInstructions holds kernel(2): it compiles this package for arm64
// and looks for fused instructions. A control that does fuse proves that the
// search would find one.
func TestNoFusedInstructions(t *testing.T) {
	t.Parallel()
	control := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":     "module control\n\ngo 1.26\n",
		"control.go": "package control\n\nfunc Fused(a, b, c float64) float64 { return a*b + c }\n",
	} {
		if err := os.WriteFile(filepath.Join(control, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if listing := armListing(t, control); !fused.MatchString(listing) {
		t.Fatalf("the control has no fused instruction; the search proves nothing:\n%.2000s", listing)
	}
	listing := armListing(t, ".")
	for _, function := range []string{
		"addF32", "F64.Add", "F16.Add", "BF16.Add", "(*SquaredSum).Add",
		"Relative", "addScaledF64", "Squares", "Dots", "fourSquares", "Rate", "Momentum", "Adaptive", "Exp", "Power",
	} {
		if !strings.Contains(listing, "kernel."+function+" STEXT") {
			t.Errorf("the listing lacks %s", function)
		}
	}
	if !strings.Contains(listing, "FMULD") {
		t.Error("the listing has no multiplication; is it arm64 code?")
	}
	for line := range strings.Lines(listing) {
		if fused.MatchString(line) {
			t.Errorf("fused: %s; write the product as float64(a*b)", strings.TrimSpace(line))
		}
	}
}

// armListing returns the assembly of the package in dir.
func armListing(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-gcflags=-S", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOWORK=off")
	listing, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("compile %s for arm64: %v\n%.2000s", dir, err, listing)
	}
	return string(listing)
}
