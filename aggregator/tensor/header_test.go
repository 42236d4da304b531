package tensor_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/librum/librum/aggregator/tensor"
)

// attacks reads the hostile samples, by name.
func attacks(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/attacks/*.safetensors")
	if err != nil || len(paths) < 70 {
		t.Fatalf("%d hostile samples: %v; run testdata/attacks/make.py", len(paths), err)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = file
	}
	return files
}

// TestAttacks reads each hostile sample; the kind of its error is the first
// word of its name.
func TestAttacks(t *testing.T) {
	t.Parallel()
	for name, file := range attacks(t) {
		want, _, _ := strings.Cut(name, ".")
		layout, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), tensor.Limits{})
		var malformed *tensor.Error
		switch {
		case want == "ok" && err != nil:
			t.Errorf("%s: %v", name, err)
		case want == "ok" && layout.FileBytes() != int64(len(file)):
			t.Errorf("%s: %d bytes, the file has %d", name, layout.FileBytes(), len(file))
		case want != "ok" && (!errors.As(err, &malformed) || malformed.Kind != tensor.Kind(want)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadLayout(t *testing.T) {
	t.Parallel()
	file := attacks(t)["ok.out-of-order.safetensors"]
	layout, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), tensor.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	tensors := layout.Tensors()
	if len(tensors) != 2 || tensors[0].Name != "a" || tensors[0].Begin != 8 || tensors[1].Name != "b" || tensors[1].Begin != 0 {
		t.Fatalf("tensors by name: %+v", tensors)
	}
	if i, ok := layout.Find("b"); i != 1 || !ok {
		t.Errorf("find b: %d, %v", i, ok)
	}
	if _, ok := layout.Find("c"); ok {
		t.Error("found a tensor that is not there")
	}
	if got := layout.Offset(0); got != int64(len(file))-4 {
		t.Errorf("a begins at byte %d of %d", got, len(file))
	}
	if c := layout.Canonical(); c.Tensors()[0].Begin != 0 || c.Tensors()[1].Begin != 4 {
		t.Errorf("canonical: %+v", c.Tensors())
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	file := attacks(t)["ok.empty-tensors.safetensors"]
	length := int64(binary.LittleEndian.Uint64(file))
	for _, c := range []struct {
		limits tensor.Limits
		want   tensor.Kind
	}{
		{tensor.Limits{HeaderBytes: length, Tensors: 3, NameBytes: 1, Rank: 2}, ""},
		{tensor.Limits{HeaderBytes: length - 1}, tensor.KindHeaderSize},
		{tensor.Limits{Tensors: 2}, tensor.KindCount},
		{tensor.Limits{Rank: 1}, tensor.KindShape},
	} {
		_, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), c.limits)
		var malformed *tensor.Error
		if (c.want == "") != (err == nil) || err != nil && (!errors.As(err, &malformed) || malformed.Kind != c.want) {
			t.Errorf("%+v: %v, want kind %q", c.limits, err, c.want)
		}
	}
}

// TestErrorText holds that an error names the tensor, the byte and what is
// allowed.
func TestErrorText(t *testing.T) {
	t.Parallel()
	file := attacks(t)["dtype.lower.safetensors"]
	_, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), tensor.Limits{})
	const want = `safetensors: tensor "w": byte 27: dtype: type "f32" is unknown`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}

// brokenReader fails every read.
type brokenReader struct{ err error }

func (r brokenReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

// TestReaderError tells a broken disk from a malformed file.
func TestReaderError(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	_, err := tensor.ReadLayout(brokenReader{broken}, 100, tensor.Limits{})
	var malformed *tensor.Error
	if !errors.Is(err, broken) || errors.As(err, &malformed) {
		t.Errorf("broken reader: %v", err)
	}
	if err := tensor.ReadFull(bytes.NewReader([]byte("abc")), make([]byte, 4), 0); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short file: %v", err)
	}
}

// FuzzReadLayout reads anything. What is accepted is rewritten in canonical
// form, which must be accepted too, hold the same tensors and be its own
// canonical form.
func FuzzReadLayout(f *testing.F) {
	for _, file := range attacks(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		layout, err := tensor.ReadLayout(bytes.NewReader(file), int64(len(file)), tensor.Limits{})
		if err != nil {
			if _, ok := errors.AsType[*tensor.Error](err); !ok {
				t.Fatalf("an error without a kind: %v", err)
			}
			return
		}
		var canonical, again bytes.Buffer
		if err := tensor.Copy(&canonical, bytes.NewReader(file), layout); err != nil {
			t.Fatal(err)
		}
		second, err := tensor.ReadLayout(bytes.NewReader(canonical.Bytes()), int64(canonical.Len()), tensor.Limits{})
		if err != nil {
			t.Fatalf("canonical form: %v", err)
		}
		if err := second.Fits(layout); err != nil {
			t.Fatal(err)
		}
		if second.DataStart()%8 != 0 || second.Metadata() != nil {
			t.Fatalf("not canonical: %q", canonical.Bytes())
		}
		if err := tensor.Copy(&again, bytes.NewReader(canonical.Bytes()), second); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again.Bytes(), canonical.Bytes()) {
			t.Fatal("the canonical form has another canonical form")
		}
		for i := range layout.Tensors() {
			a, b := readTensor(t, layout, file, i), readTensor(t, second, canonical.Bytes(), i)
			if !bytes.Equal(a, b) {
				t.Fatalf("tensor %d changed", i)
			}
		}
	})
}

func readTensor(t *testing.T, layout tensor.Layout, file []byte, i int) []byte {
	t.Helper()
	data := make([]byte, layout.Tensors()[i].Bytes())
	if err := layout.ReadAt(bytes.NewReader(file), i, data, 0); err != nil {
		t.Fatal(err)
	}
	return data
}
