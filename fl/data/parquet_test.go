package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"pgregory.net/rapid"
)

const ward = `
columns:
  - {name: age, type: integer, min: 0, max: 120}
  - {name: marker, type: number, min: -1, max: 1}
  - {name: sex, type: category, values: [f, m]}
  - {name: smokes, type: category, values: ["true", "false"]}
  - {name: ill, type: category, values: ["0", "1"], required: true}
`

// patient is a row as other programs write it.
type patient struct {
	Note   string   `parquet:"note,dict"` // not in the schema
	Age    *int32   `parquet:"age,optional"`
	Marker *float64 `parquet:"marker,optional"`
	Sex    string   `parquet:"sex,dict"`
	Smokes *bool    `parquet:"smokes,optional"`
	Ill    uint64   `parquet:"ill"`
}

func (p patient) csv() string {
	cells := []string{p.Note, "", "", p.Sex, "", strconv.FormatUint(p.Ill, 10)}
	if p.Age != nil {
		cells[1] = strconv.Itoa(int(*p.Age))
	}
	if p.Marker != nil {
		cells[2] = strconv.FormatFloat(*p.Marker, 'g', -1, 64)
	}
	if p.Smokes != nil {
		cells[4] = strconv.FormatBool(*p.Smokes)
	}
	return strings.Join(cells, ",")
}

func parquetFile[T any](t interface{ Fatal(...any) }, rows []T, options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, options...)
	_, err := w.Write(rows)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readParquet(b []byte, schema Schema, label string) (Dataset, error) {
	return ReadParquet(bytes.NewReader(b), int64(len(b)), schema, label)
}

// TestParquetIsTheTable reads random rows from text and from Parquet files of
// several row groups, pages, versions and packings.
func TestParquetIsTheTable(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, ward)
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.Custom(func(t *rapid.T) patient {
			return patient{
				Note: rapid.StringMatching(`[a-z]{0,6}`).Draw(t, "note"), Age: rapid.Ptr(rapid.Int32Range(0, 120), true).Draw(t, "age"),
				Marker: rapid.Ptr(rapid.Float64Range(-1, 1), true).Draw(t, "marker"), Sex: rapid.SampledFrom([]string{"f", "m", ""}).Draw(t, "sex"),
				Smokes: rapid.Ptr(rapid.Bool(), true).Draw(t, "smokes"), Ill: rapid.Uint64Range(0, 1).Draw(t, "ill"),
			}
		})
		rows := rapid.SliceOfN(row, 1, 700).Draw(t, "rows")
		lines := []string{"note,age,marker,sex,smokes,ill"}
		for _, r := range rows {
			lines = append(lines, r.csv())
		}
		want, err := ReadTable(strings.NewReader(strings.Join(lines, "\n")), schema, "ill")
		if err != nil {
			t.Fatal(err)
		}
		options := []parquet.WriterOption{
			parquet.MaxRowsPerRowGroup(int64(rapid.IntRange(1, 300).Draw(t, "group"))),
			parquet.PageBufferSize(rapid.IntRange(64, 4096).Draw(t, "page")), parquet.DataPageVersion(rapid.IntRange(1, 2).Draw(t, "version")),
		}
		if rapid.Bool().Draw(t, "packed") {
			options = append(options, parquet.Compression(&parquet.Snappy))
		}
		got, err := readParquet(parquetFile(t, rows, options...), schema, "ill")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v, %v", got, want, err)
		}
	})
}

// TestPyarrow reads what testdata/parquet_golden.py wrote, by another library.
func TestPyarrow(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/pyarrow.parquet")
	if err != nil {
		t.Fatal(err)
	}
	schema := schemaOf(t, ward)
	const text = "age,marker,sex,smokes,ill\n31,0.5,f,true,1\n,-1,m,,0\n120,,,false,0\n0,0.25,f,true,1\n"
	want, err := ReadTable(strings.NewReader(text), schema, "ill")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readParquet(b, schema, "ill"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v, %v", got, want, err)
	}
}

func TestParquetRefuses(t *testing.T) {
	t.Parallel()
	schema := schemaOf(t, "columns:\n  - {name: x, type: number, min: 0, max: 9}\n  - {name: y, type: category, values: [a, b]}\n")
	type good struct {
		X float32 `parquet:"x"`
		Y string  `parquet:"y,dict"`
	}
	cases := map[string]struct {
		file []byte
		want string
	}{
		"text for a number": {parquetFile(t, []struct {
			X, Y string
		}{{"1", "a"}}), "missing"},
		"text": {parquetFile(t, []struct {
			X string `parquet:"x"`
			Y string `parquet:"y,dict"`
		}{{"1", "a"}}), "the schema says number"},
		"a timestamp": {parquetFile(t, []struct {
			X int64  `parquet:"x,timestamp"`
			Y string `parquet:"y,dict"`
		}{{1, "a"}}), "TIMESTAMP"},
		"a date": {parquetFile(t, []struct {
			X int32  `parquet:"x,date"`
			Y string `parquet:"y,dict"`
		}{{1, "a"}}), "DATE"},
		"a decimal": {parquetFile(t, []struct {
			X int64  `parquet:"x,decimal(2:10)"`
			Y string `parquet:"y,dict"`
		}{{1, "a"}}), "DECIMAL"},
		"a list": {parquetFile(t, []struct {
			X []float32 `parquet:"x"`
			Y string    `parquet:"y,dict"`
		}{{[]float32{1}, "a"}}), "several values"},
		"a group": {parquetFile(t, []struct {
			X struct{ A float32 } `parquet:"x"`
			Y string              `parquet:"y,dict"`
		}{{Y: "a"}}), "several values"},
		"a column missing": {parquetFile(t, []struct {
			X float32 `parquet:"x"`
		}{{1}}), `"y"`},
		"out of range":   {parquetFile(t, []good{{X: 3, Y: "a"}, {X: 10, Y: "b"}}), `row 1: column "x"`},
		"NaN":            {parquetFile(t, []good{{X: float32(math.NaN()), Y: "a"}}), `column "x"`},
		"a category":     {parquetFile(t, []good{{X: 1, Y: "c"}}), `column "y"`},
		"not UTF-8":      {parquetFile(t, []good{{X: 1, Y: "\xff"}}), "UTF-8"},
		"no rows":        {parquetFile(t, []good{}), "no rows"},
		"packed by zstd": {parquetFile(t, []good{{X: 1, Y: "a"}}, parquet.Compression(&parquet.Zstd)), "ZSTD"},
		"delta pages": {parquetFile(t, []struct {
			X int64  `parquet:"x,delta"`
			Y string `parquet:"y,dict"`
		}{{1, "a"}}), "DELTA"},
		"nothing":     {nil, "0 bytes"},
		"text at all": {[]byte("x,y\n1,a\n1,a\n1,a\n"), "no Parquet file"},
	}
	for name, c := range cases {
		_, err := readParquet(c.file, schema, "y")
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrInvalid and %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "\xff") {
			t.Errorf("%s: the error holds what stands in a cell", name)
		}
	}
	whole := parquetFile(t, []good{{X: 1, Y: "a"}})
	broken := errors.New("disk")
	if _, err := ReadParquet(failingAt{bytes.NewReader(whole), broken}, int64(len(whole)), schema, "y"); !errors.Is(err, broken) {
		t.Errorf("a broken disk: %v", err)
	}
}

// failingAt can be read at its ends alone.
type failingAt struct {
	r   *bytes.Reader
	err error
}

func (f failingAt) ReadAt(p []byte, at int64) (int, error) {
	if at == 0 || at >= f.r.Size()-parquetTail {
		return f.r.ReadAt(p, at)
	}
	return 0, f.err
}

// TestParquetBombs: files that say they hold far more than they do.
func TestParquetBombs(t *testing.T) {
	t.Parallel()
	// A footer whose list has 2^31 items: field 2, a list of structs.
	bomb := append([]byte{0x15, 0x02, 0x19, 0xFC}, binary.AppendUvarint(nil, 1<<31-1)...)
	file := append([]byte(parquetMagic), bomb...)
	file = append(binary.LittleEndian.AppendUint32(file, uint32(len(bomb))), parquetMagic...)
	schema := schemaOf(t, ward)
	if _, err := readParquet(file, schema, "ill"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "items") {
		t.Errorf("a list without end: %v", err)
	}
	// A column of one value: a file of some hundred bytes with millions of rows.
	same := make([]struct {
		X float32 `parquet:"x,dict"`
		Y string  `parquet:"y,dict"`
	}, 3_000_000)
	for i := range same {
		same[i].Y = "a"
	}
	file = parquetFile(t, same, parquet.PageBufferSize(1<<30))
	plain := schemaOf(t, "columns:\n  - {name: x, type: number, min: 0, max: 9}\n  - {name: y, type: category, values: [a, b]}\n")
	if _, err := readParquet(file, plain, "y"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "values") {
		t.Errorf("%d rows of %d bytes: %v", len(same), len(file), err)
	}
	deep := bytes.Repeat([]byte{0x1C}, 10_000)
	if err := (&thriftWalk{b: deep}).message(nil, nil); !errors.Is(err, ErrInvalid) {
		t.Errorf("structs in structs: %v", err)
	}
	// Each byte of a good file changed: an answer or an error, in little memory.
	age := int32(3)
	good := parquetFile(t, []patient{{Age: &age, Sex: "f", Ill: 1}, {Sex: "m"}}, parquet.Compression(&parquet.Snappy))
	for i := range good {
		for _, mask := range []byte{0x01, 0x80, 0xFF} {
			b := bytes.Clone(good)
			b[i] ^= mask
			d, err := readParquet(b, schema, "ill")
			if err == nil {
				err = d.Validate()
			} else if errors.Is(err, ErrInvalid) {
				err = nil
			}
			if err != nil {
				t.Errorf("byte %d changed by %#x: %v", i, mask, err)
			}
		}
	}
}

// TestParquetEmptyRowGroup: a row group without rows, as programs write for a batch
// that was empty, is read as no rows; it need not have any page.
func TestParquetEmptyRowGroup(t *testing.T) {
	t.Parallel()
	file := parquetFile(t, []patient{{Sex: "f", Ill: 1}, {Sex: "m"}, {Sex: "f"}}, parquet.MaxRowsPerRowGroup(2))
	schema := schemaOf(t, ward)
	want, err := readParquet(file, schema, "ill")
	if err != nil || want.Rows != 3 {
		t.Fatalf("%d rows, %v", want.Rows, err)
	}
	// The empty one stands between the two: its columns have neither pages nor values.
	length := int(binary.LittleEndian.Uint32(file[len(file)-parquetTail:]))
	body := len(file) - parquetTail - length
	var footer format.FileMetaData
	protocol := new(thrift.CompactProtocol)
	if err := thrift.Unmarshal(protocol, file[body:body+length], &footer); err != nil {
		t.Fatal(err)
	}
	empty := format.RowGroup{Columns: slices.Clone(footer.RowGroups[0].Columns)}
	for i := range empty.Columns {
		meta := footer.RowGroups[0].Columns[i].MetaData
		empty.Columns[i] = format.ColumnChunk{MetaData: format.ColumnMetaData{
			Type: meta.Type, Encoding: meta.Encoding, PathInSchema: meta.PathInSchema, Codec: meta.Codec, DataPageOffset: int64(len(parquetMagic)),
		}}
	}
	footer.RowGroups = slices.Insert(footer.RowGroups, 1, empty)
	for i := range footer.RowGroups {
		footer.RowGroups[i].Ordinal = int16(i)
	}
	text, err := thrift.Marshal(protocol, &footer)
	if err != nil {
		t.Fatal(err)
	}
	file = append(bytes.Clone(file[:body]), text...)
	file = append(binary.LittleEndian.AppendUint32(file, uint32(len(text))), parquetMagic...)
	got, err := readParquet(file, schema, "ill")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with an empty row group %d rows, %v", got.Rows, err)
	}
}

func FuzzReadParquet(f *testing.F) {
	schema := schemaOf(f, ward)
	age, marker, smokes := int32(3), 0.5, true
	rows := []patient{{Age: &age, Sex: "f", Ill: 1}, {Sex: "m", Marker: &marker, Smokes: &smokes}, {Note: "x"}}
	for _, o := range [][]parquet.WriterOption{
		nil, {parquet.Compression(&parquet.Snappy)}, {parquet.DataPageVersion(1)}, {parquet.Compression(&parquet.Snappy), parquet.DataPageVersion(1), parquet.MaxRowsPerRowGroup(1)},
	} {
		f.Add(parquetFile(f, rows, o...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := readParquet(b, schema, "ill")
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, io.EOF) {
				t.Error(err)
			}
			return
		}
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	})
}

func ExampleReadParquet() {
	schema, err := ParseSchema([]byte("columns:\n  - {name: dose, type: number, min: 0, max: 10}\n  - {name: ill, type: integer, min: 0, max: 1}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	err = parquet.Write(&file, []struct {
		Dose float64 `parquet:"dose"`
		Ill  int32   `parquet:"ill"`
	}{{10, 1}, {0, 0}})
	if err != nil {
		fmt.Println(err)
		return
	}
	d, err := ReadParquet(bytes.NewReader(file.Bytes()), int64(file.Len()), schema, "ill")
	fmt.Println(d.Features, d.Labels, err)
	// Output: [1 -1] [1 0] <nil>
}
