package fsck_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/librum/librum/api/auditlog"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet/fsck"
)

// A line taken out of an audit log is found without a manifest.
func TestAuditLogIsFollowed(t *testing.T) {
	t.Parallel()
	dir := create(t)
	run(t, dir, nil)
	_, chain, err := dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	log, err := auditlog.Open(dir.Audit(1), chain, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	act := auditlog.Act{Member: ledger.ID{1}, Act: "token.create", Subject: "a", Outcome: "ok"}
	if err := log.Record(act, act, act); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir.Manifest()); err != nil {
		t.Fatal(err)
	}
	damaged := func() bool {
		t.Helper()
		r, err := fsck.Check(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(r.Findings, func(f fsck.Finding) bool { return f.Kind == "audit" && f.Where == "node-1/audit.jsonl" })
	}
	if damaged() {
		t.Error("a whole audit log is called damaged")
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	full := filepath.Join(filepath.Dir(dir.Audit(1)), "audit-00000000000000000001.jsonl")
	if err := errors.Join(os.WriteFile(elsewhere, []byte("no log\n"), 0o600), os.Symlink(elsewhere, full)); err != nil {
		t.Fatal(err)
	}
	if damaged() {
		t.Error("a link in the place of a full file was followed")
	}
	if r := check(t, dir); !named(r.Findings, "irregular", "node-1/audit-00000000000000000001.jsonl") {
		t.Errorf("a link in the place of a full file: %v", r.Findings)
	}
	if err := os.Remove(full); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(dir.Audit(1))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	if err := os.WriteFile(dir.Audit(1), slices.Concat(lines[0], lines[2]), 0o600); err != nil {
		t.Fatal(err)
	}
	if !damaged() {
		t.Error("a line taken out is not found")
	}
}
