package tensor

// Limits bound what a reader accepts and thereby what it allocates. A zero
// field means the default.
type Limits struct {
	HeaderBytes int64 // of the JSON header; default 100,000,000, as in the reference implementation
	Tensors     int   // in one file; default 100,000
	NameBytes   int   // of one tensor's name; default 1,024
	Rank        int   // dimensions of one tensor; default 32
}

// The defaults of [Limits].
const (
	DefaultHeaderBytes = 100_000_000
	DefaultTensors     = 100_000
	DefaultNameBytes   = 1_024
	DefaultRank        = 32
)

func (l Limits) orDefault() Limits {
	if l.HeaderBytes <= 0 {
		l.HeaderBytes = DefaultHeaderBytes
	}
	if l.Tensors <= 0 {
		l.Tensors = DefaultTensors
	}
	if l.NameBytes <= 0 {
		l.NameBytes = DefaultNameBytes
	}
	if l.Rank <= 0 {
		l.Rank = DefaultRank
	}
	return l
}
