package ledger_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
)

// The inputs and roots are those of the Certificate Transparency code
// (google/certificate-transparency, merkle_tree_test), for 0 to 8 leaves.
var (
	ctLeaves = []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	}
	ctRoots = []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
)

func TestMerkleVectors(t *testing.T) {
	t.Parallel()
	leaves := make([][]byte, len(ctLeaves))
	for i, s := range ctLeaves {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		leaves[i] = b
	}
	for n, want := range ctRoots {
		if got := ledger.MerkleRoot(leaves[:n]); got.String() != want {
			t.Errorf("%d leaves: root %s, want %s", n, got, want)
		}
	}
	// The audit paths of RFC 6962 §2.1.3, whose tree has seven leaves d0 … d6.
	leaves = leaves[:7]
	node := func(from, to int) []byte { d := ledger.MerkleRoot(leaves[from:to]); return d[:] }
	for index, want := range map[int][][]byte{
		0: {node(1, 2), node(2, 4), node(4, 7)},
		3: {node(2, 3), node(0, 2), node(4, 7)},
		4: {node(5, 6), node(6, 7), node(0, 4)},
		6: {node(4, 6), node(0, 4)},
	} {
		if got := ledger.MerklePath(leaves, index); fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
			t.Errorf("path of leaf %d is %x, want %x", index, got, want)
		}
	}
}

// TestMerkleTwin compares with transparency-dev/merkle: roots with its compact
// range, paths with its verifier.
func TestMerkleTwin(t *testing.T) {
	t.Parallel()
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	rapid.Check(t, func(t *rapid.T) {
		leaves := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 8), 1, 70).Draw(t, "leaves")
		tree := factory.NewEmptyRange(0)
		for _, leaf := range leaves {
			if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(leaf), nil); err != nil {
				t.Fatal(err)
			}
		}
		want, err := tree.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		root := ledger.MerkleRoot(leaves)
		if !bytes.Equal(root[:], want) {
			t.Fatalf("root %s, the compact range has %x", root, want)
		}
		index := rapid.IntRange(0, len(leaves)-1).Draw(t, "index")
		path := ledger.MerklePath(leaves, index)
		i, size := uint64(index), uint64(len(leaves))
		hash := rfc6962.DefaultHasher.HashLeaf(leaves[index])
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, i, size, hash, path, root[:]); err != nil {
			t.Fatal(err)
		}
		if !ledger.VerifyMerklePath(leaves[index], i, size, path, root) {
			t.Fatal("our own path does not hold")
		}

		// Whatever is changed, the path must not hold.
		refused := func(what string, leaf []byte, i, size uint64, path [][]byte, root ledger.Digest) {
			if ledger.VerifyMerklePath(leaf, i, size, path, root) {
				t.Fatalf("the path holds with %s", what)
			}
		}
		other := root
		other[rapid.IntRange(0, 31).Draw(t, "byte")] ^= 0x10
		refused("another root", leaves[index], i, size, path, other)
		refused("another leaf", append(bytes.Clone(leaves[index]), 1), i, size, path, root)
		refused("an index outside", leaves[index], size, size, path, root)
		refused("a longer path", leaves[index], i, size, append(slices.Clip(path), root[:]), root)
		if len(path) > 0 {
			at := rapid.IntRange(0, len(path)-1).Draw(t, "node")
			bent := append([][]byte(nil), path...)
			bent[at] = bytes.Clone(path[at])
			bent[at][0] ^= 1
			refused("another node", leaves[index], i, size, bent, root)
			bent[at] = path[at][:31]
			refused("a short node", leaves[index], i, size, bent, root)
			refused("a shorter path", leaves[index], i, size, path[:len(path)-1], root)
			refused("an inner node as leaf", slices.Concat(path[0], root[:]), i, size, path, root)
		}
	})
}
