package data

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Types of Thrift's compact protocol, in which Parquet writes what describes its
// data.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftByte   = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

const (
	thriftDepth = 16
	thriftItems = 1 << 17 // in lists of one message
)

// thriftWalk passes over a message without keeping any of it. Libraries set memory
// aside for as many items as a list says it has; what passed here has as many as
// there are bytes for, and no more than thriftItems.
type thriftWalk struct {
	b     []byte
	at    int
	items int
}

func (w *thriftWalk) wrong(what string) error {
	return fmt.Errorf("byte %d of a description: %s: %w", w.at, what, ErrInvalid)
}

func (w *thriftWalk) next() (byte, error) {
	if w.at >= len(w.b) {
		return 0, w.wrong("it ends too early")
	}
	w.at++
	return w.b[w.at-1], nil
}

func (w *thriftWalk) varint() (uint64, error) {
	v, n := binary.Uvarint(w.b[w.at:])
	if n <= 0 {
		return 0, w.wrong("a number is broken")
	}
	w.at += n
	return v, nil
}

func (w *thriftWalk) skip(n uint64) error {
	if n > uint64(len(w.b)-w.at) {
		return w.wrong("it ends too early")
	}
	w.at += int(n)
	return nil
}

// count takes a number of items, each of which has a byte at least.
func (w *thriftWalk) count(n uint64) error {
	w.items += int(min(n, thriftItems+1))
	if n > uint64(len(w.b)-w.at) || w.items > thriftItems {
		return w.wrong(fmt.Sprintf("%d items, more than there is room for or than %d are allowed", n, thriftItems))
	}
	return nil
}

// message passes over a struct. whole is called with the place and the value of
// each whole number outside of lists: the numbers of the fields that lead to it.
func (w *thriftWalk) message(path []int, whole func(path []int, value int64)) error {
	if len(path) > thriftDepth {
		return w.wrong("it nests too deep")
	}
	field := 0
	for {
		head, err := w.next()
		if err != nil {
			return err
		}
		if head == 0 {
			return nil
		}
		if delta := int(head >> 4); delta != 0 {
			field += delta
		} else {
			id, err := w.varint()
			if err != nil {
				return err
			}
			// Writers go upwards. Of a field that comes twice a reader may keep either.
			if v := unzigzag(id); v <= int64(field) || v > math.MaxInt16 {
				return w.wrong("fields are out of order")
			}
			field = int(unzigzag(id))
		}
		kind := head & 15
		if kind == thriftTrue || kind == thriftFalse { // the value is the type
			continue
		}
		if err := w.value(kind, append(slices.Clip(path), field), whole); err != nil {
			return err
		}
	}
}

func (w *thriftWalk) value(kind byte, path []int, whole func([]int, int64)) error {
	if len(path) > thriftDepth {
		return w.wrong("it nests too deep")
	}
	switch kind {
	case thriftTrue, thriftFalse, thriftByte:
		return w.skip(1)
	case thriftI16, thriftI32, thriftI64:
		v, err := w.varint()
		if err == nil && whole != nil {
			whole(path, unzigzag(v))
		}
		return err
	case thriftDouble:
		return w.skip(8)
	case thriftBinary:
		n, err := w.varint()
		if err != nil {
			return err
		}
		return w.skip(n)
	case thriftList, thriftSet:
		return w.list(path)
	case thriftMap:
		return w.pairs(path)
	case thriftStruct:
		return w.message(path, whole)
	}
	return w.wrong("a type that there is not")
}

func (w *thriftWalk) list(path []int) error {
	head, err := w.next()
	if err != nil {
		return err
	}
	n := uint64(head >> 4)
	if n == 15 {
		if n, err = w.varint(); err != nil {
			return err
		}
	}
	if err := w.count(n); err != nil {
		return err
	}
	for range n {
		if err := w.value(head&15, append(slices.Clip(path), 0), nil); err != nil {
			return err
		}
	}
	return nil
}

func (w *thriftWalk) pairs(path []int) error {
	n, err := w.varint()
	if err != nil || n == 0 {
		return err
	}
	kinds, err := w.next()
	if err != nil {
		return err
	}
	if err := w.count(n); err != nil {
		return err
	}
	path = append(slices.Clip(path), 0)
	for range n {
		for _, kind := range []byte{kinds >> 4, kinds & 15} {
			if err := w.value(kind, path, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
