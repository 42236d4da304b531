package lokka

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

func TestTreeEqualsItsTwin(t *testing.T) {
	t.Parallel()
	var tr tree // one for all: reset must leave nothing behind
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 80), 0, 70).Draw(t, "leaves")
		tr.reset()
		for _, leaf := range leaves {
			tr.add(leaf)
		}
		if got, want := tr.root(), ledger.MerkleRoot(leaves); got != want {
			t.Fatalf("root over %d leaves is %s, want %s", len(leaves), got, want)
		}
	})
}

// TestEmptyTree holds the hash of nothing that RFC 6962 §2.1 names.
func TestEmptyTree(t *testing.T) {
	t.Parallel()
	const want = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := new(tree).root().String(); got != want {
		t.Errorf("root of the empty tree is %s, want %s", got, want)
	}
}
