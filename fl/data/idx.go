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

// Images are pictures of bytes and their labels, as IDX files have them.
type Images struct {
	Dims   []int  // images, then lines and columns of each or what they have
	Pixels []byte // of all images
	Labels []byte // one an image
}

// ReadImages reads images and their labels from two IDX files of unsigned bytes,
// each compressed with gzip or not. What the headers promise is bounded first,
// and nothing beyond it is unfolded. Errors wrap ErrInvalid, or are the readers'.
func ReadImages(images, labels io.Reader) (Images, error) {
	dims, pixels, err := readIDX(images, 2, idxMaxDims)
	if err != nil {
		return Images{}, fmt.Errorf("read images: %w", err)
	}
	rows, classes, err := readIDX(labels, 1, 1)
	if err != nil {
		return Images{}, fmt.Errorf("read labels: %w", err)
	}
	if rows[0] != dims[0] {
		return Images{}, fmt.Errorf("read labels: %d of them for %d images: %w", rows[0], dims[0], ErrInvalid)
	}
	if each := len(pixels) / dims[0]; each > MaxColumns {
		return Images{}, fmt.Errorf("read images: %d pixels each, at most %d are allowed: %w", each, MaxColumns, ErrInvalid)
	}
	return Images{Dims: dims, Pixels: pixels, Labels: classes}, nil
}

// ReadIDX reads images as [ReadImages] does, as rows. Pixels 0 to 255 are mapped
// to [-1, 1].
func ReadIDX(images, labels io.Reader) (Dataset, error) {
	m, err := ReadImages(images, labels)
	if err != nil {
		return Dataset{}, err
	}
	return m.Dataset(), nil
}

// Dataset returns the images as rows.
func (m *Images) Dataset() Dataset {
	d := Dataset{Rows: m.Dims[0], Columns: len(m.Pixels) / m.Dims[0], Features: make([]float32, len(m.Pixels)), Labels: make([]int32, m.Dims[0])}
	for i, p := range m.Pixels {
		d.Features[i] = (float32(p) - 127.5) / 127.5
	}
	for i, c := range m.Labels {
		d.Labels[i] = int32(c)
		d.Classes = max(d.Classes, int(c)+1)
	}
	return d
}

// Write writes some of the images, by their numbers, as two IDX files.
func (m *Images) Write(images, labels io.Writer, rows []int) error {
	head := func(dims []int) []byte {
		b := []byte{0, 0, idxBytes, byte(len(dims))}
		for _, n := range dims {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	dims, each := append([]int{len(rows)}, m.Dims[1:]...), len(m.Pixels)/m.Dims[0]
	pixels, classes := head(dims), head(dims[:1])
	for _, row := range rows {
		pixels = append(pixels, m.Pixels[row*each:(row+1)*each]...)
		classes = append(classes, m.Labels[row])
	}
	_, err := images.Write(pixels)
	_, other := labels.Write(classes)
	return errors.Join(err, other)
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
