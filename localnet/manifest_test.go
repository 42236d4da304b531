package localnet_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

func manifestOf(tb testing.TB, paths ...string) []byte {
	tb.Helper()
	m := localnet.Manifest{Version: 1, Files: []localnet.ManifestFile{}}
	for _, p := range paths {
		m.Files = append(m.Files, localnet.ManifestFile{Path: p, Kind: localnet.KindOf(p), Size: 1})
	}
	b, err := ledger.Encode(&m)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func TestParseManifest(t *testing.T) {
	t.Parallel()
	if m, err := localnet.ParseManifest(manifestOf(t, "a", "b/c")); err != nil || len(m.Files) != 2 {
		t.Errorf("%+v, %v", m, err)
	}
	whole := manifestOf(t, "a", "b/c")
	for at := range whole {
		whole[at] ^= 1
		if _, err := localnet.ParseManifest(whole); err == nil {
			t.Errorf("byte %d changed and nobody noticed", at)
		}
		whole[at] ^= 1
	}
	for name, b := range map[string][]byte{
		"empty": {}, "short": whole[:20], "path above": manifestOf(t, "../a"), "absolute": manifestOf(t, "/etc/passwd"),
		"descending": manifestOf(t, "b", "a"), "twice": manifestOf(t, "a", "a"),
	} {
		if _, err := localnet.ParseManifest(b); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(manifestOf(f, "a", "b/c"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha256.Sum256(b)
		m, err := localnet.ParseManifest(append(slices.Clip(b), sum[:]...))
		if err != nil {
			return
		}
		again, err := ledger.Encode(m)
		if err != nil || string(again) != string(b) {
			t.Errorf("%x is taken for %x, %v", b, again, err)
		}
	})
}
