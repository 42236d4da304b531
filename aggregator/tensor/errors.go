package tensor

import (
	"fmt"
	"strings"
)

// Kind says in which way a file is malformed or differs from another.
type Kind string

// One kind for each malformed case. Those from KindMissing on are about a
// well-formed file that does not fit a model.
const (
	KindTruncated   Kind = "truncated"    // the file ends inside the length or the header
	KindHeaderSize  Kind = "header-size"  // the header is longer than the limit, or shorter than {}
	KindSyntax      Kind = "syntax"       // the header is not the JSON the format asks for
	KindUTF8        Kind = "utf8"         // the header is not UTF-8
	KindDuplicate   Kind = "duplicate"    // a key stands twice in one object
	KindName        Kind = "name"         // a tensor's name is empty, too long or holds control characters
	KindCount       Kind = "count"        // more tensors than the limit
	KindDType       Kind = "dtype"        // a type this package does not know
	KindShape       Kind = "shape"        // too many dimensions, or more bytes than 2^63-1
	KindOffsets     Kind = "offsets"      // offsets that run backwards or do not span the shape
	KindOverlap     Kind = "overlap"      // two tensors share bytes
	KindHole        Kind = "hole"         // bytes between two tensors belong to no one
	KindCover       Kind = "cover"        // the tensors end before or behind the end of the file
	KindMetadata    Kind = "metadata"     // __metadata__ is not a map of strings
	KindMissing     Kind = "missing"      // the model has a tensor that the file lacks
	KindUnexpected  Kind = "unexpected"   // the file has a tensor that the model lacks
	KindWrongDType  Kind = "wrong-dtype"  // a tensor's type differs from the model's
	KindWrongShape  Kind = "wrong-shape"  // a tensor's shape differs from the model's
	KindWriteLength Kind = "write-length" // more or fewer bytes written than the layout has
)

// Error is a file's refusal.
type Error struct {
	Kind   Kind
	Tensor string // its name, "" where no tensor is concerned
	Offset int64  // byte in the file, -1 where no byte is concerned
	Detail string // what is wrong and what is allowed
}

// Error names the tensor and the byte before the detail.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("safetensors: ")
	if e.Tensor != "" {
		fmt.Fprintf(&b, "tensor %q: ", e.Tensor)
	}
	if e.Offset >= 0 {
		fmt.Fprintf(&b, "byte %d: ", e.Offset)
	}
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Detail)
	return b.String()
}

// fault makes an Error that concerns no byte.
func fault(kind Kind, tensor, format string, args ...any) *Error {
	return &Error{Kind: kind, Tensor: tensor, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}
