package data

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxIDXCells bounds the pixels of an IDX file, 256 MiB as float32: more than
// MNIST has, and all that a compressed file may unfold to.
const MaxIDXCells = 1 << 26

// The IDX format (http://yann.lecun.com/exdb/mnist/): two zero bytes, the type
// of the numbers, the number of dimensions, each dimension in 4 bytes
// big-endian, then the numbers.
const (
	idxBytes     = 0x08 // the type of unsigned bytes, the only one read here
	idxMaxDims   = 4
	idxReadAhead = 1 << 16
)

// ReadIDX reads images and their labels from two IDX files of unsigned bytes,
// each compressed with gzip or not. Pixels 0 to 255 are mapped to [-1, 1]. What
// the headers promise is bounded first, and nothing beyond it is unfolded.
// Errors wrap ErrInvalid, or are the readers'.
func ReadIDX(images, labels io.Reader) (Dataset, error) {
	dims, pixels, err := readIDX(images, 2, idxMaxDims)
	if err != nil {
		return Dataset{}, fmt.Errorf("read images: %w", err)
	}
	rows, classes, err := readIDX(labels, 1, 1)
	if err != nil {
		return Dataset{}, fmt.Errorf("read labels: %w", err)
	}
	if rows[0] != dims[0] {
		return Dataset{}, fmt.Errorf("read labels: %d of them for %d images: %w", rows[0], dims[0], ErrInvalid)
	}
	d := Dataset{Rows: dims[0], Columns: len(pixels) / dims[0], Features: make([]float32, len(pixels)), Labels: make([]int32, dims[0])}
	if d.Columns > MaxColumns {
		return Dataset{}, fmt.Errorf("read images: %d pixels each, at most %d are allowed: %w", d.Columns, MaxColumns, ErrInvalid)
	}
	for i, p := range pixels {
		d.Features[i] = (float32(p) - 127.5) / 127.5
	}
	for i, c := range classes {
		d.Labels[i] = int32(c)
		d.Classes = max(d.Classes, int(c)+1)
	}
	return d, nil
}

// readIDX reads one file with least to most dimensions.
func readIDX(r io.Reader, least, most int) (dims []int, values []byte, err error) {
	in := bufio.NewReader(r)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, nil, damaged(err)
		}
		in = bufio.NewReader(unzipped)
	}
	var head [4]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return nil, nil, damaged(err)
	}
	n := int(head[3])
	if head[0] != 0 || head[1] != 0 || head[2] != idxBytes || n < least || n > most {
		return nil, nil, fmt.Errorf("it begins with % x: want 00 00 %02x and %d to %d dimensions: %w", head, idxBytes, least, most, ErrInvalid)
	}
	cells := uint64(1)
	for range n {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return nil, nil, damaged(err)
		}
		size := binary.BigEndian.Uint32(head[:])
		dims = append(dims, int(size))
		// The product stays below 2^26 · 2^32.
		if cells *= uint64(size); cells == 0 || cells > MaxIDXCells || size > math.MaxInt32 {
			return nil, nil, fmt.Errorf("dimensions %v: their product must be 1 to %d: %w", dims, MaxIDXCells, ErrInvalid)
		}
	}
	// Memory grows with what is there, not with what is promised.
	for uint64(len(values)) < cells {
		part := make([]byte, min(cells-uint64(len(values)), idxReadAhead))
		if _, err := io.ReadFull(in, part); err != nil {
			return nil, nil, damaged(err)
		}
		values = append(values, part...)
	}
	if _, err := in.ReadByte(); err == nil {
		return nil, nil, fmt.Errorf("more follows the %d numbers of dimensions %v: %w", cells, dims, ErrInvalid)
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, damaged(err)
	}
	return dims, values, nil
}

// damaged makes errors of the content wrap ErrInvalid.
func damaged(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return fmt.Errorf("cut off or damaged: %w: %w", err, ErrInvalid)
	}
	return err
}
