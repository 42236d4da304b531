package tensor

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tensor describes one tensor of a file.
type Tensor struct {
	Name  string
	DType DType
	Shape []int64 // dimensions, outermost first; empty for a scalar
	Begin int64   // first byte, counted from the start of the data section
	End   int64   // byte behind the last
}

// Bytes returns the stored size.
func (t Tensor) Bytes() int64 { return t.End - t.Begin }

// Elements returns the number of stored numbers.
func (t Tensor) Elements() int64 { return t.Bytes() / t.DType.Size() }

// Layout is what a header says: which tensors a file holds and where. The
// zero value is the layout of no file.
type Layout struct {
	tensors  []Tensor // by name, tensor(3)
	start    int64    // of the data section in the file
	metadata map[string]string
}

// NewLayout returns the canonical layout, tensor(4), of the given names,
// types and shapes; Begin and End are ignored and computed anew.
func NewLayout(tensors []Tensor, limits Limits) (Layout, error) {
	limits = limits.orDefault()
	if len(tensors) > limits.Tensors {
		return Layout{}, fault(KindCount, "", "%d tensors, at most %d are allowed", len(tensors), limits.Tensors)
	}
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, byName)
	offset := int64(0)
	for i := range sorted {
		t := &sorted[i]
		if i > 0 && sorted[i-1].Name == t.Name {
			return Layout{}, fault(KindDuplicate, t.Name, "the name stands twice")
		}
		if err := checkName(t.Name, limits.NameBytes); err != nil {
			return Layout{}, err
		}
		size, err := byteSize(*t, limits.Rank)
		if err != nil {
			return Layout{}, err
		}
		if size > math.MaxInt64-offset-limits.HeaderBytes-16 {
			return Layout{}, fault(KindShape, t.Name, "the file would be longer than 2^63-1 bytes")
		}
		t.Shape = slices.Clone(t.Shape)
		t.Begin, t.End = offset, offset+size
		offset += size
	}
	l := Layout{tensors: sorted}
	l.start = int64(len(l.Header()))
	if l.start-8 > limits.HeaderBytes {
		return Layout{}, fault(KindHeaderSize, "", "a header of %d bytes, at most %d are allowed", l.start-8, limits.HeaderBytes)
	}
	return l, nil
}

// Tensors returns the tensors in bytewise order of their names. The slice
// belongs to the layout; callers do not write to it.
func (l Layout) Tensors() []Tensor { return l.tensors }

// Metadata returns the file's __metadata__, nil if it has none. The map
// belongs to the layout.
func (l Layout) Metadata() map[string]string { return l.metadata }

// DataStart returns the file offset at which the data section begins.
func (l Layout) DataStart() int64 { return l.start }

// Offset returns the file offset at which tensor i begins.
func (l Layout) Offset(i int) int64 { return l.start + l.tensors[i].Begin }

// DataBytes returns the size of the data section.
func (l Layout) DataBytes() int64 {
	n := int64(0)
	for _, t := range l.tensors {
		n += t.Bytes() // cannot overflow: tensor(2) and the file's size
	}
	return n
}

// FileBytes returns the size of the file.
func (l Layout) FileBytes() int64 { return l.start + l.DataBytes() }

// Find returns the place of a name in Tensors.
func (l Layout) Find(name string) (int, bool) {
	return slices.BinarySearchFunc(l.tensors, name, func(t Tensor, n string) int {
		return strings.Compare(t.Name, n)
	})
}

// Canonical returns the layout of the canonical file with the same tensors.
func (l Layout) Canonical() Layout {
	c := Layout{tensors: slices.Clone(l.tensors)}
	offset := int64(0)
	for i := range c.tensors {
		t := &c.tensors[i]
		t.Begin, t.End = offset, offset+t.Bytes()
		offset = t.End
	}
	c.start = int64(len(c.Header()))
	return c
}

// Fits reports how l differs from a model's layout: nil if both have the same
// names, types and shapes, wherever their bytes lie. The error is an [*Error]
// of KindMissing, KindUnexpected, KindWrongDType or KindWrongShape about the
// first tensor, by name, that differs.
func (l Layout) Fits(model Layout) error {
	for i, want := range model.tensors {
		if i == len(l.tensors) || l.tensors[i].Name > want.Name {
			return fault(KindMissing, want.Name, "the model has it, the file does not")
		}
		got := l.tensors[i]
		switch {
		case got.Name < want.Name:
			return fault(KindUnexpected, got.Name, "the file has it, the model does not")
		case got.DType != want.DType:
			return fault(KindWrongDType, got.Name, "%s, the model has %s", got.DType, want.DType)
		case !slices.Equal(got.Shape, want.Shape):
			return fault(KindWrongShape, got.Name, "%d, the model has %d", got.Shape, want.Shape)
		}
	}
	if n := len(model.tensors); len(l.tensors) > n {
		return fault(KindUnexpected, l.tensors[n].Name, "the file has it, the model does not")
	}
	return nil
}

func byName(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) }

// checkName bounds a name. Control characters are refused because names end
// up in logs and terminals.
func checkName(name string, limit int) error {
	switch {
	case name == "":
		return fault(KindName, "", "a tensor without a name")
	case len(name) > limit:
		return fault(KindName, name[:32]+"…", "a name of %d bytes, at most %d are allowed", len(name), limit)
	case !utf8.ValidString(name):
		return fault(KindName, name, "the name is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return fault(KindName, name, "the name holds a control character")
	case name == metadataKey:
		return fault(KindName, name, "the name is reserved")
	}
	return nil
}

// byteSize returns the bytes that a tensor's shape takes.
func byteSize(t Tensor, rank int) (int64, error) {
	if !t.DType.Valid() {
		return 0, fault(KindDType, t.Name, "type %d is unknown", t.DType)
	}
	if len(t.Shape) > rank {
		return 0, fault(KindShape, t.Name, "%d dimensions, at most %d are allowed", len(t.Shape), rank)
	}
	size := t.DType.Size()
	for _, d := range t.Shape {
		if d < 0 {
			return 0, fault(KindShape, t.Name, "dimension %d is negative", d)
		}
		// A zero further on does not excuse an overflow: two readers that
		// multiply in different orders would disagree about the file.
		if d > 0 && size > math.MaxInt64/d {
			return 0, fault(KindShape, t.Name, "%d numbers of %d bytes are more than 2^63-1 bytes", t.Shape, t.DType.Size())
		}
		if d > 0 {
			size *= d
		}
	}
	if slices.Contains(t.Shape, 0) {
		return 0, nil
	}
	return size, nil
}
