package tensor

// DType is the type of a tensor's stored numbers; all are little-endian.
type DType uint8

// The types that can be averaged. The format knows others (8-bit floats,
// complex numbers); files with those are refused.
const (
	F64 DType = iota + 1
	F32
	F16
	BF16
	I64
	I32
	I16
	I8
	U64
	U32
	U16
	U8
	Bool
)

// dtypes holds each type's name in the header and its size in bytes.
var dtypes = [...]struct {
	name string
	size int64
}{
	F64: {"F64", 8}, F32: {"F32", 4}, F16: {"F16", 2}, BF16: {"BF16", 2},
	I64: {"I64", 8}, I32: {"I32", 4}, I16: {"I16", 2}, I8: {"I8", 1},
	U64: {"U64", 8}, U32: {"U32", 4}, U16: {"U16", 2}, U8: {"U8", 1},
	Bool: {"BOOL", 1},
}

// ParseDType returns the type a header calls name.
func ParseDType(name string) (DType, bool) {
	for d := F64; d <= Bool; d++ {
		if dtypes[d].name == name {
			return d, true
		}
	}
	return 0, false
}

// Valid reports whether d is one of the constants of this package.
func (d DType) Valid() bool { return d >= F64 && d <= Bool }

// String returns the header's name of the type.
func (d DType) String() string {
	if !d.Valid() {
		return "invalid"
	}
	return dtypes[d].name
}

// Size returns the bytes one number takes, 0 for an invalid type.
func (d DType) Size() int64 {
	if !d.Valid() {
		return 0
	}
	return dtypes[d].size
}

// Float reports whether d is a floating-point type.
func (d DType) Float() bool { return d >= F64 && d <= BF16 }
