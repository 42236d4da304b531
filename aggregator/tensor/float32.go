package tensor

import (
	"encoding/binary"
	"math"
)

// AppendFloat32 appends the stored form of src, as F32, to dst.
func AppendFloat32(dst []byte, src []float32) []byte {
	for _, x := range src {
		dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(x))
	}
	return dst
}

// Float32 decodes stored F32 numbers: len(src) is 4·len(dst).
func Float32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}
