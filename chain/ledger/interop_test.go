package ledger_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestPycose reads transactions that a Python COSE library signed:
// test/interop/golden.py writes the file, its tests hold that the library still
// makes the same bytes.
func TestPycose(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "pycose.txt"))
	if err != nil {
		t.Fatal(err)
	}
	args := map[string]int{"transfer": 39, "nothing": 9, "mixed": 52, "long": 309}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSpace(line), " | ")
		name := fields[0]
		seed, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		signed, err := hex.DecodeString(fields[2])
		if err != nil {
			t.Fatal(err)
		}
		key := identity.KeyFromSeed([32]byte(seed))
		tx, e, err := ledger.ParseTransaction(signed)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !identity.VerifyEnvelope(key.Public(), &e, ledger.KindTransaction) {
			t.Errorf("%s: the signature does not hold", name)
		}
		if tx.Contract != "token" || tx.Method != name || tx.Shard != 7 || len(tx.Args) != args[name] || args[name] == 0 {
			t.Errorf("%s: read as %+v with %d bytes of arguments", name, tx, len(tx.Args))
		}
		delete(args, name)
		ours, err := tx.Sign(key.ID(), key.Sign)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(ours.Bytes()) != fields[2] {
			t.Errorf("%s: we sign it as %x", name, ours.Bytes())
		}
		if name == "transfer" {
			var transfer transferArgs
			if err := ledger.Decode("arguments", tx.Args, len(tx.Args), &transfer); err != nil {
				t.Fatal(err)
			}
			if transfer.Amount.String() != "1"+strings.Repeat("0", 24) {
				t.Errorf("amount %s", transfer.Amount)
			}
		}
	}
	if len(args) != 0 {
		t.Errorf("not in the file: %v", args)
	}
}
