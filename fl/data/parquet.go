package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/klauspost/compress/snappy"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/format"
)

// Bounds of a Parquet file, beside those of a table.
const (
	maxParquet     = 4 << 30  // bytes
	maxFooter      = 4 << 20  // bytes that describe it
	maxPage        = 64 << 20 // bytes of a page once unpacked
	maxPageHeader  = 64 << 10
	parquetMagic   = "PAR1"
	parquetTail    = 8 // length of the footer, magic
	parquetAtATime = 256
	// A run of equal values takes a few bytes, however long it is. Rows in which
	// one bit differs take an eighth of a byte each, and Snappy makes at most some
	// twenty of one.
	rowsPerByte = 1 << 10

	// Types of pages in parquet.thrift.
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3

	// plainDictionary is what pages of dictionaries were called before; files have it still.
	plainDictionary = format.Encoding(2)
)

// ReadParquet reads the columns of a schema from a Parquet file, as [ReadTable]
// does from text: the same values give the same data set. Columns must be flat;
// numbers and integers of the schema want columns of whole or floating-point
// numbers, categories those of text, booleans or whole numbers. A null is an
// empty cell. Pages must be plain or of a dictionary, unpacked or in Snappy.
//
// The file may be a stranger's: nothing is set aside for what it says and does not
// have. Errors wrap ErrInvalid, or are the reader's.
func ReadParquet(r io.ReaderAt, size int64, schema Schema, label string) (_ Dataset, err error) {
	t, err := newTable(schema, label)
	if err != nil {
		return Dataset{}, fmt.Errorf("read Parquet: %w", err)
	}
	t.maxRows = int(min(int64(t.maxRows), rowsPerByte*max(size, 0)))
	if err := checkFooter(r, size); err != nil {
		return Dataset{}, fmt.Errorf("read Parquet: %w", err)
	}
	// The library panics at some broken files.
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("read Parquet: the file is broken: %v: %w", cause, ErrInvalid)
		}
	}()
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return Dataset{}, fmt.Errorf("read Parquet: %w: %w", err, ErrInvalid)
	}
	columns, err := t.parquetColumns(file)
	if err != nil {
		return Dataset{}, fmt.Errorf("read Parquet: %w", err)
	}
	for i, group := range file.RowGroups() {
		meta := &file.Metadata().RowGroups[i]
		if group.NumRows() == 0 { // of which there is nothing to read; it may have no pages
			continue
		}
		for _, c := range columns {
			if err := checkPages(r, size, &meta.Columns[c.at].MetaData, t.maxRows); err != nil {
				return Dataset{}, fmt.Errorf("read Parquet: row group %d, column %.40q: %w", i, c.name, err)
			}
		}
		if err := t.rowGroup(group, columns); err != nil {
			return Dataset{}, fmt.Errorf("read Parquet: row group %d: %w", i, err)
		}
	}
	if t.Rows == 0 {
		return Dataset{}, fmt.Errorf("read Parquet: it has no rows: %w", ErrInvalid)
	}
	return t.Dataset, nil
}

// checkFooter looks at what describes the file before a library sets memory aside
// for it.
func checkFooter(r io.ReaderAt, size int64) error {
	if size < int64(len(parquetMagic))+parquetTail || size > maxParquet {
		return fmt.Errorf("%d bytes are no Parquet file, or more than %d: %w", size, int64(maxParquet), ErrInvalid)
	}
	var head [len(parquetMagic)]byte
	var tail [parquetTail]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return err
	}
	if _, err := r.ReadAt(tail[:], size-parquetTail); err != nil {
		return err
	}
	if string(head[:]) != parquetMagic || string(tail[4:]) != parquetMagic {
		return fmt.Errorf("it is no Parquet file, or an encrypted one: %w", ErrInvalid)
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if length > maxFooter || length > size-parquetTail-int64(len(head)) {
		return fmt.Errorf("%d bytes describe it, at most %d are allowed: %w", length, maxFooter, ErrInvalid)
	}
	footer := make([]byte, length)
	if _, err := r.ReadAt(footer, size-parquetTail-length); err != nil {
		return err
	}
	return (&thriftWalk{b: footer}).message(nil, nil)
}

// parquetColumn is a column that the schema names.
type parquetColumn struct {
	name     string
	at       int // in a row group
	kind     parquet.Kind
	unsigned bool
}

// parquetColumns finds the schema's columns, in the table's order, and holds their
// types against it.
func (t *table) parquetColumns(file *parquet.File) ([]parquetColumn, error) {
	var names []string
	leaves := file.Root().Columns()
	for _, leaf := range leaves {
		names = append(names, leaf.Name())
	}
	if err := t.header(names); err != nil {
		return nil, err
	}
	for _, group := range file.Metadata().RowGroups {
		if len(group.Columns) < len(leaves) {
			return nil, fmt.Errorf("a row group of %d columns, the file has %d: %w", len(group.Columns), len(leaves), ErrInvalid)
		}
	}
	columns := make([]parquetColumn, len(t.columns))
	for i := range t.columns {
		leaf := leaves[t.at[i]]
		if !leaf.Leaf() || leaf.Repeated() {
			return nil, fmt.Errorf("column %.40q: it holds several values in a cell, want one: %w", leaf.Name(), ErrInvalid)
		}
		unsigned, err := t.columns[i].fits(leaf.Type())
		if err != nil {
			return nil, fmt.Errorf("column %.40q: %w", leaf.Name(), err)
		}
		columns[i] = parquetColumn{name: leaf.Name(), at: leaf.Index(), kind: leaf.Type().Kind(), unsigned: unsigned}
		t.at[i] = i // cells come in this order
	}
	return columns, nil
}

// fits refuses a type that can't hold what the schema says.
func (c *Column) fits(typ parquet.Type) (unsigned bool, err error) {
	kind := typ.Kind()
	whole := kind == parquet.Int32 || kind == parquet.Int64
	plain := true
	if logical := typ.LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *format.IntType:
			unsigned = !l.IsSigned
		case *format.StringType, *format.EnumType, nil:
		default:
			plain = false
		}
	}
	// What older programs write in its place.
	if converted := typ.ConvertedType(); converted != nil {
		switch *converted {
		case deprecated.Uint8, deprecated.Uint16, deprecated.Uint32, deprecated.Uint64:
			unsigned = true
		case deprecated.UTF8, deprecated.Enum, deprecated.Int8, deprecated.Int16, deprecated.Int32, deprecated.Int64:
		default:
			plain = false
		}
	}
	if !plain {
		return false, fmt.Errorf("it is of type %s, want plain numbers, booleans or text: %w", typ, ErrInvalid)
	}
	ok := whole || kind == parquet.ByteArray || kind == parquet.Boolean
	if c.Type != TypeCategory {
		ok = whole || kind == parquet.Float || kind == parquet.Double
	}
	if !ok {
		return false, fmt.Errorf("it is of type %s, the schema says %s: %w", typ, c.Type, ErrInvalid)
	}
	return unsigned, nil
}

// checkPages goes through the headers of a column's pages: how much each unpacks
// to, and how many values it has.
func checkPages(r io.ReaderAt, size int64, meta *format.ColumnMetaData, maxRows int) error {
	if meta.Codec != format.Uncompressed && meta.Codec != format.Snappy {
		return fmt.Errorf("it is packed by %s; write the file without compression or with Snappy: %w", meta.Codec, ErrInvalid)
	}
	plain := []format.Encoding{format.Plain, format.RLE, plainDictionary, format.RLEDictionary, format.BitPacked}
	for _, e := range meta.Encoding {
		if !slices.Contains(plain, e) {
			return fmt.Errorf("it is encoded as %s; write the file with plain and dictionary pages: %w", e, ErrInvalid)
		}
	}
	at := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		at = meta.DictionaryPageOffset
	}
	end := at + meta.TotalCompressedSize
	if at < int64(len(parquetMagic)) || meta.TotalCompressedSize < 0 || meta.TotalCompressedSize > size || end > size || meta.NumValues < 0 || meta.NumValues > int64(maxRows) {
		return fmt.Errorf("its pages lie outside of the file, or it has more than %d values: %w", maxRows, ErrInvalid)
	}
	values, begins := int64(0), false
	for at < end {
		begins = begins || at == meta.DataPageOffset // the library begins there
		p, err := readPageHeader(r, at, end)
		if err != nil {
			return err
		}
		body := at + p.header
		if !p.dictionary {
			values += p.values
		}
		if p.unpacked < 0 || p.unpacked > maxPage || p.packed < 0 || p.packed > end-body || p.values < 0 || p.values > int64(maxRows) || values > int64(maxRows) {
			return fmt.Errorf("a page of %d bytes, %d unpacked, and %d values: at most %d bytes and %d values are allowed: %w",
				p.packed, p.unpacked, p.values, maxPage, maxRows, ErrInvalid)
		}
		if meta.Codec == format.Snappy {
			if err := checkSnappy(r, body, p); err != nil {
				return err
			}
		}
		at = body + p.packed
	}
	if !begins {
		return fmt.Errorf("its first page is none of its pages: %w", ErrInvalid)
	}
	if values != meta.NumValues {
		return fmt.Errorf("its pages have %d values, it says %d: %w", values, meta.NumValues, ErrInvalid)
	}
	return nil
}

// pageHeader is what a page says of itself.
type pageHeader struct {
	header           int64 // bytes of the header
	packed, unpacked int64
	values           int64
	levels           int64 // bytes before what is packed, in pages of the second version
	dictionary       bool
	encoding         int64
}

func readPageHeader(r io.ReaderAt, at, end int64) (p pageHeader, err error) {
	var foreign bool
	b := make([]byte, min(maxPageHeader, end-at))
	if _, err := r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return p, err
	}
	w := thriftWalk{b: b}
	// The numbers of fields are those of parquet.thrift. A page of one type may carry
	// the header of another beside its own, of which the library looks at its own.
	typ, own := int64(-1), []int64{dataPage: 5, dictionaryPage: 7, dataPageV2: 8}
	err = w.message(nil, func(path []int, value int64) {
		if len(path) > 1 && (typ < 0 || int64(path[0]) != own[typ]) {
			foreign = true
		}
		switch {
		case slices.Equal(path, []int{1}):
			if typ = value; typ != dataPage && typ != dictionaryPage && typ != dataPageV2 {
				typ = -1
			}
		case slices.Equal(path, []int{2}):
			p.unpacked = value
		case slices.Equal(path, []int{3}):
			p.packed = value
		case slices.Equal(path, []int{5, 1}), slices.Equal(path, []int{7, 1}), slices.Equal(path, []int{8, 1}):
			p.values = value
			p.dictionary = path[0] == 7
		case slices.Equal(path, []int{5, 2}), slices.Equal(path, []int{7, 2}), slices.Equal(path, []int{8, 4}):
			p.encoding = value
		case slices.Equal(path, []int{8, 5}), slices.Equal(path, []int{8, 6}):
			p.levels += value
		}
	})
	p.header = int64(w.at)
	if err != nil {
		return p, err
	}
	if typ < 0 || foreign {
		return p, fmt.Errorf("a page is neither of data nor of a dictionary, or has the header of another: %w", ErrInvalid)
	}
	plain := []format.Encoding{format.Plain, format.RLE, plainDictionary, format.RLEDictionary}
	if p.dictionary {
		plain = []format.Encoding{format.Plain, plainDictionary}
	}
	if !slices.Contains(plain, format.Encoding(p.encoding)) {
		return p, fmt.Errorf("a page is encoded as %s; write the file with plain and dictionary pages: %w", format.Encoding(p.encoding), ErrInvalid)
	}
	return p, nil
}

// checkSnappy holds the length that packed bytes begin with against the header's.
func checkSnappy(r io.ReaderAt, at int64, p pageHeader) error {
	if p.levels < 0 || p.levels > p.packed {
		return fmt.Errorf("a page of %d bytes has %d of levels: %w", p.packed, p.levels, ErrInvalid)
	}
	b := make([]byte, min(binary.MaxVarintLen64, p.packed-p.levels))
	if len(b) == 0 {
		return nil
	}
	if _, err := r.ReadAt(b, at+p.levels); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n, err := snappy.DecodedLen(b)
	if err != nil || int64(n) > p.unpacked {
		return fmt.Errorf("a page unpacks to %d bytes, it says %d: %w", n, p.unpacked, ErrInvalid)
	}
	return nil
}

// rowGroup takes rows in, a few at a time from each column.
func (t *table) rowGroup(group parquet.RowGroup, columns []parquetColumn) (err error) {
	chunks := group.ColumnChunks()
	readers := make([]*parquetCells, len(columns))
	for i, c := range columns {
		readers[i] = &parquetCells{column: c, pages: chunks[c.at].Pages(), buffer: make([]parquet.Value, parquetAtATime)}
		defer func() { err = errors.Join(err, readers[i].pages.Close()) }()
	}
	cells := make([]string, len(columns))
	for row := int64(0); ; row++ {
		ended := 0
		for i, r := range readers {
			cell, err := r.next()
			if errors.Is(err, io.EOF) {
				ended++
				continue
			}
			if err != nil {
				return fmt.Errorf("row %d, column %.40q: %w", row, columns[i].name, err)
			}
			cells[i] = cell
		}
		switch {
		case ended == len(columns):
			return nil
		case ended > 0:
			return fmt.Errorf("row %d: some columns have ended and others not: %w", row, ErrInvalid)
		}
		if err := t.row(cells); err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
}

// parquetCells reads a column's cells as text.
type parquetCells struct {
	column parquetColumn
	pages  parquet.Pages
	values parquet.ValueReader // of the page at hand; nil before the first
	buffer []parquet.Value
	ready  []parquet.Value // of the buffer, not yet taken
}

// next returns the next cell, or io.EOF.
func (c *parquetCells) next() (string, error) {
	for len(c.ready) == 0 {
		if c.values == nil {
			page, err := c.pages.ReadPage()
			if errors.Is(err, io.EOF) {
				return "", io.EOF
			}
			if err != nil {
				return "", fmt.Errorf("%w: %w", err, ErrInvalid)
			}
			c.values = page.Values()
		}
		n, err := c.values.ReadValues(c.buffer)
		c.ready = c.buffer[:n]
		if errors.Is(err, io.EOF) {
			c.values = nil
		} else if err != nil {
			return "", fmt.Errorf("%w: %w", err, ErrInvalid)
		} else if n == 0 {
			return "", fmt.Errorf("a page gives no values: %w", ErrInvalid)
		}
	}
	v := c.ready[0]
	c.ready = c.ready[1:]
	return c.column.text(v), nil
}

// text writes a value as it would stand in comma-separated text.
func (c parquetColumn) text(v parquet.Value) string {
	switch {
	case v.IsNull():
		return ""
	case c.kind == parquet.Boolean:
		return strconv.FormatBool(v.Boolean())
	case c.kind == parquet.Int32 && c.unsigned:
		return strconv.FormatUint(uint64(uint32(v.Int32())), 10)
	case c.kind == parquet.Int32:
		return strconv.FormatInt(int64(v.Int32()), 10)
	case c.kind == parquet.Int64 && c.unsigned:
		return strconv.FormatUint(v.Uint64(), 10)
	case c.kind == parquet.Int64:
		return strconv.FormatInt(v.Int64(), 10)
	case c.kind == parquet.Float:
		return strconv.FormatFloat(float64(v.Float()), 'g', -1, 32)
	case c.kind == parquet.Double:
		return strconv.FormatFloat(v.Double(), 'g', -1, 64)
	default:
		return string(v.ByteArray())
	}
}
