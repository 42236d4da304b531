package pebble

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func drawKey(rt *rapid.T, label string) []byte {
	return rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]byte{0, 1, 2, 0xfe, 0xff}), rapid.Byte()), 0, 6).Draw(rt, label)
}

// TestVersionKeyOrder holds the encoded keys against bytes.Compare.
func TestVersionKeyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawKey(rt, "a"), drawKey(rt, "b")
		x, y := rapid.Uint64().Draw(rt, "x"), rapid.Uint64().Draw(rt, "y")
		want := bytes.Compare(a, b)
		if want == 0 && x != y { // the newer version first
			want = 1
			if x > y {
				want = -1
			}
		}
		if got := bytes.Compare(versionKey(nil, a, x), versionKey(nil, b, y)); got != want {
			rt.Fatalf("(%x, %d) and (%x, %d) compare as %d, want %d", a, x, b, y, got, want)
		}
		if bytes.Compare(versionKey(nil, a, 0), afterVersions(nil, a)) >= 0 {
			rt.Fatalf("the last version of %x lies behind its end", a)
		}
		if bytes.Compare(a, b) < 0 && bytes.Compare(afterVersions(nil, a), versionKey(nil, b, math.MaxUint64)) >= 0 {
			rt.Fatalf("the end of %x lies behind the versions of %x", a, b)
		}
		prefix := appendEscaped([]byte{prefixVersion}, a)
		if bytes.HasPrefix(b, a) != bytes.HasPrefix(versionKey(nil, b, y), prefix) {
			rt.Fatalf("prefix %x of %x is not one of its encoding", a, b)
		}
		key, height, err := parseVersionKey(versionKey(nil, a, x))
		if err != nil || !bytes.Equal(key, a) || height != x {
			rt.Fatalf("(%x, %d) reads as (%x, %d), %v", a, x, key, height, err)
		}
	})
}

// FuzzVersionKey reads any bytes; what is taken encodes to the same.
func FuzzVersionKey(f *testing.F) {
	f.Add(versionKey(nil, []byte("a\x00b"), 7))
	f.Add(versionKey(nil, nil, 0))
	f.Add([]byte{prefixVersion, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		key, height, err := parseVersionKey(b)
		if err == nil && !bytes.Equal(versionKey(nil, key, height), b) {
			t.Fatalf("%x reads as (%x, %d), which encodes to other bytes", b, key, height)
		}
	})
}

func TestSuccessor(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"a": "b", "a\xff": "b", "a\xff\xff": "b", "\x00": "\x01", "ab": "ac"} {
		if got := successor([]byte(in)); string(got) != want {
			t.Errorf("successor of %q is %q, want %q", in, got, want)
		}
	}
	if got := successor([]byte{0xff}); got != nil {
		t.Errorf("successor of ff is %x, want none", got)
	}
}
