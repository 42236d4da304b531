package kernel

import (
	"encoding/binary"
	"unsafe"
)

// number is what a tensor may hold.
type number interface {
	float64 | float32 | integer
}

// NewTile returns n zero bytes that begin at a multiple of eight in memory, as
// every tile must. The allocator aligns by size class, hence the rounding.
func NewTile(n int) []byte { return make([]byte, (n+63)/64*64)[:n] }

// view reads raw as numbers without copying. Tiles begin at a multiple of
// eight bytes in memory because the caller allocates them so; the length is a
// multiple of the number's size.
func view[T number](raw []byte) []T {
	if len(raw) == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(raw))), len(raw)/int(unsafe.Sizeof(zero))) //nolint:gosec // the one place where bytes become numbers
}

// bigEndian reports whether this machine stores the high byte first.
func bigEndian() bool {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], 1)
	return b[0] == 0
}

// ToHost turns stored numbers of the given size into this machine's byte
// order, or back, in place. On little-endian machines it does nothing.
func ToHost(raw []byte, size int) {
	if bigEndian() {
		reverse(raw, size)
	}
}

// reverse turns round the bytes of each number.
func reverse(raw []byte, size int) {
	for ; len(raw) >= size; raw = raw[size:] {
		for i, j := 0, size-1; i < j; i, j = i+1, j-1 {
			raw[i], raw[j] = raw[j], raw[i]
		}
	}
}
