package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// flipped changes the checksum, which stands before the length.
func flipped(b []byte) []byte {
	b[len(b)-5] ^= 1
	return b
}

var (
	twoImages = []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 51, 204}
	twoLabels = []byte{0, 0, 8, 1, 0, 0, 0, 2, 3, 1}
)

func TestReadIDX(t *testing.T) {
	t.Parallel()
	for _, images := range [][]byte{twoImages, zipped(t, twoImages)} {
		d, err := ReadIDX(bytes.NewReader(images), bytes.NewReader(twoLabels))
		if err != nil {
			t.Fatal(err)
		}
		if d.Rows != 2 || d.Columns != 2 || d.Classes != 4 || !slices.Equal(d.Features, []float32{-1, 1, -0.6, 0.6}) || !slices.Equal(d.Labels, []int32{3, 1}) {
			t.Errorf("got %+v", d)
		}
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestReadIDXRefuses(t *testing.T) {
	t.Parallel()
	huge := []byte{0, 0, 8, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0}
	for name, c := range map[string]struct {
		images, labels []byte
		want           string
	}{
		"empty":              {nil, twoLabels, "cut off"},
		"a text":             {[]byte("hello"), twoLabels, "begins with 68 65"},
		"floats":             {[]byte{0, 0, 13, 3}, twoLabels, "begins with"},
		"labels as images":   {twoLabels, twoLabels, "2 to 4 dimensions"},
		"images as labels":   {twoImages, twoImages, "1 to 1 dimensions"},
		"cut off":            {twoImages[:19], twoLabels, "cut off"},
		"cut off in a size":  {twoImages[:6], twoLabels, "cut off"},
		"more follows":       {append(slices.Clone(twoImages), 0), twoLabels, "more follows"},
		"no images":          {[]byte{0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 1}, twoLabels, "1 to 67108864"},
		"too large":          {huge, twoLabels, "1 to 67108864"},
		"other count":        {twoImages, []byte{0, 0, 8, 1, 0, 0, 0, 1, 3}, "1 of them for 2 images"},
		"wide":               {append([]byte{0, 0, 8, 2, 0, 0, 0, 1, 0, 1, 0, 1}, make([]byte, 65537)...), []byte{0, 0, 8, 1, 0, 0, 0, 1, 3}, "65537 pixels each"},
		"zip with no header": {[]byte{0x1f, 0x8b, 1, 2}, twoLabels, "damaged"},
		"zip damaged":        {flipped(zipped(t, twoImages)), twoLabels, "damaged"},
		"zip cut off":        {zipped(t, twoImages)[:25], twoLabels, "cut off"},
	} {
		if _, err := ReadIDX(bytes.NewReader(c.images), bytes.NewReader(c.labels)); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrInvalid and %q", name, err, c.want)
		}
	}
}

// TestZipBomb wants what unfolds to gigabytes refused after the little that the
// header promised.
func TestZipBomb(t *testing.T) {
	t.Parallel()
	unfolded := io.MultiReader(bytes.NewReader(twoImages), io.LimitReader(zeros{}, 1<<30))
	r, w := io.Pipe()
	go func() {
		z := gzip.NewWriter(w)
		_, err := io.Copy(z, unfolded)
		w.CloseWithError(err)
	}()
	_, err := ReadIDX(r, bytes.NewReader(twoLabels))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "more follows") {
		t.Errorf("a bomb: %v", err)
	}

	// A header may promise what is allowed, with nothing behind it.
	promise := []byte{0, 0, 8, 3, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadIDX(bytes.NewReader(promise), bytes.NewReader(twoLabels)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a promise: %v", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("a promise of 64 MiB took %d bytes", grown)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzReadIDX(f *testing.F) {
	f.Add(twoImages, twoLabels)
	f.Add(zipped(f, twoImages), zipped(f, twoLabels))
	f.Add([]byte{0, 0, 8, 4, 255, 255, 255, 255}, []byte{0x1f, 0x8b, 8})
	f.Fuzz(func(t *testing.T, images, labels []byte) {
		d, err := ReadIDX(bytes.NewReader(images), bytes.NewReader(labels))
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%v does not wrap ErrInvalid", err)
			}
			return
		}
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	})
}
