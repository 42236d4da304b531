package auditlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/chain/ledger"
)

// Records an act and checks the file.
func Example() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path, chain := filepath.Join(dir, "audit.jsonl"), ledger.Digest{1}
	log, err := auditlog.Open(path, chain, time.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(log.Record(auditlog.Act{Member: ledger.ID{1}, Act: "token.revoke", Subject: "7c1e", Outcome: "ok"}), log.Close())
	file, err := os.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = file.Close() }()
	head, err := auditlog.Check(file, chain)
	fmt.Println(head.Lines, err)
	// Output:
	// <nil> <nil>
	// 1 <nil>
}
