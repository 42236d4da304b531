package host_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/librum/librum/internal/host"
)

func TestDisk(t *testing.T) {
	t.Parallel()
	s, err := host.Disk(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || s.Total == 0 || s.Free > s.Total || s.FreeFiles > s.TotalFiles {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := host.Disk(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a place that is not there has space")
	}
}

func ExampleOpenFiles() {
	n, err := host.OpenFiles()
	fmt.Println(n > 0 || errors.Is(err, errors.ErrUnsupported))
	// Output: true
}
