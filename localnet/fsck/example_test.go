package fsck_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/librum/librum/localnet"
	"github.com/librum/librum/localnet/fsck"
)

func ExampleCheck() {
	parent, err := os.MkdirTemp("", "fsck")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)
	dir := localnet.Dir(filepath.Join(parent, "net"))
	if err := localnet.Create(dir, localnet.SecretsFromSeed(1), localnet.Spec{Nodes: 1, Time: time.UnixMilli(1)}); err != nil {
		fmt.Println(err)
		return
	}
	if err := os.Chmod(dir.Token(), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	r, err := fsck.Check(context.Background(), dir)
	fmt.Println(r.Findings[0].Kind, "at", r.Findings[0].Where, err)
	// Output: mode at token <nil>
}
