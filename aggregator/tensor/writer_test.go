package tensor_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/aggregator/tensor"
)

func TestWriterCounts(t *testing.T) {
	t.Parallel()
	layout := newLayout(t, tensor.Tensor{Name: "w", DType: tensor.F32, Shape: []int64{2}})
	var file bytes.Buffer
	w, err := tensor.NewWriter(&file, layout)
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int, want tensor.Kind) {
		t.Helper()
		_, err := w.Write(make([]byte, n))
		wantKind(t, err, want)
	}
	write(3, "")
	wantKind(t, w.Close(), tensor.KindWriteLength)
	write(6, tensor.KindWriteLength)
	write(5, "")
	wantKind(t, w.Close(), "")
	write(1, tensor.KindWriteLength)
	if int64(file.Len()) != layout.FileBytes() {
		t.Errorf("%d bytes, the layout has %d", file.Len(), layout.FileBytes())
	}
}

func TestReadAtBounds(t *testing.T) {
	t.Parallel()
	layout := newLayout(t,
		tensor.Tensor{Name: "a", DType: tensor.U8, Shape: []int64{4}},
		tensor.Tensor{Name: "b", DType: tensor.U8, Shape: []int64{4}},
	)
	file := append(layout.Header(), "abcdefgh"...)
	r := bytes.NewReader(file)
	p := make([]byte, 3)
	if err := layout.ReadAt(r, 1, p, 1); err != nil || string(p) != "fgh" {
		t.Errorf("%q, %v", p, err)
	}
	wantKind(t, layout.ReadAt(r, 0, p, 2), tensor.KindOffsets)
	wantKind(t, layout.ReadAt(r, 0, p, -1), tensor.KindOffsets)
	wantKind(t, layout.ReadAt(r, 0, p, 1<<62), tensor.KindOffsets)
	if err := layout.ReadAt(bytes.NewReader(file[:len(file)-1]), 1, p, 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short file: %v", err)
	}
}

// fullDisk takes n bytes.
type fullDisk struct{ n int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.n -= len(p); d.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestCopyToFullDisk(t *testing.T) {
	t.Parallel()
	layout := newLayout(t, tensor.Tensor{Name: "w", DType: tensor.U8, Shape: []int64{100_000}})
	file := append(layout.Header(), make([]byte, 100_000)...)
	for _, room := range []int{0, 100, 90_000} {
		if err := tensor.Copy(&fullDisk{room}, bytes.NewReader(file), layout); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

func TestFloat32(t *testing.T) {
	t.Parallel()
	want := []float32{0, -1.5, 3e38, 1e-45}
	got := make([]float32, len(want))
	tensor.Float32(got, tensor.AppendFloat32(nil, want))
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v came back as %v", want[i], got[i])
		}
	}
}

func wantKind(t *testing.T, err error, want tensor.Kind) {
	t.Helper()
	var wrong *tensor.Error
	if want == "" {
		if err != nil {
			t.Error(err)
		}
	} else if !errors.As(err, &wrong) || wrong.Kind != want {
		t.Errorf("%v, want %s", err, want)
	}
}
