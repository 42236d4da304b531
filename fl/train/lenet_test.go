package train

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
)

// noisyImages are rows of noise with labels 0 to 9.
func noisyImages(rows, pixels int, seed uint64) data.Dataset {
	rng := rand.New(rand.NewPCG(seed, 0))
	d := data.Dataset{Rows: rows, Columns: pixels, Classes: 10}
	for i := range rows {
		d.Labels = append(d.Labels, int32(i%10))
		for range pixels {
			d.Features = append(d.Features, 2*rng.Float32()-1)
		}
	}
	return d
}

// mapsOf are the numbers of one image, [map][line][column].
type mapsOf [][][]float64

// naiveConvolution is a convolution by its definition, with a margin of zeros.
func naiveConvolution(in mapsOf, weight, bias []float64, kernel, margin int) mapsOf {
	side := len(in[0]) + 2*margin - kernel + 1
	at := func(m, y, x int) float64 {
		if y < 0 || x < 0 || y >= len(in[m]) || x >= len(in[m]) {
			return 0
		}
		return in[m][y][x]
	}
	out := make(mapsOf, len(bias))
	for o := range out {
		for y := range side {
			line := make([]float64, side)
			for x := range side {
				line[x] = bias[o]
				for m := range in {
					for ky := range kernel {
						for kx := range kernel {
							line[x] += weight[((o*len(in)+m)*kernel+ky)*kernel+kx] * at(m, y+ky-margin, x+kx-margin)
						}
					}
				}
			}
			out[o] = append(out[o], line)
		}
	}
	return out
}

// naivePool rectifies and takes the largest of each square of 2×2.
func naivePool(in mapsOf) mapsOf {
	out := make(mapsOf, len(in))
	for m := range in {
		for y := 0; y < len(in[m]); y += 2 {
			var line []float64
			for x := 0; x < len(in[m]); x += 2 {
				line = append(line, max(0, in[m][y][x], in[m][y][x+1], in[m][y+1][x], in[m][y+1][x+1]))
			}
			out[m] = append(out[m], line)
		}
	}
	return out
}

// naiveLeNet5 returns the mean loss of a model over rows, in float64 and by
// definition; values are in layout order, shaped as in a file.
func naiveLeNet5(values [][]float64, ds data.Dataset) float64 {
	side := int(math.Sqrt(float64(ds.Columns)))
	loss := 0.0
	for row := range ds.Rows {
		image := mapsOf{nil}
		for y := range side {
			line := make([]float64, side)
			for x := range side {
				line[x] = float64(ds.Row(row)[y*side+x])
			}
			image[0] = append(image[0], line)
		}
		first := naivePool(naiveConvolution(image, values[0], values[1], 5, (32-side)/2))
		second := naivePool(naiveConvolution(first, values[2], values[3], 5, 0))
		var flat []float64
		for _, m := range second {
			flat = append(flat, slices.Concat(m...)...)
		}
		for layer := 4; layer < len(values); layer += 2 {
			out := slices.Clone(values[layer+1])
			for o := range out {
				for i, x := range flat {
					out[o] += values[layer][o*len(flat)+i] * x
				}
				if layer < len(values)-2 {
					out[o] = max(0, out[o])
				}
			}
			flat = out
		}
		loss -= math.Log(softmax(flat)[ds.Labels[row]]) / float64(ds.Rows)
	}
	return loss
}

// TestLeNet5GradientsEqualDifferences takes one step of rate 1 and compares what
// it subtracted with the differences of the naive loss: forward, backward and
// the layout of the file are all in it.
func TestLeNet5GradientsEqualDifferences(t *testing.T) {
	t.Parallel()
	for _, pixels := range []int{28 * 28, 32 * 32} {
		// A batch larger than the rows: the rest of it must not count.
		spec := Spec{Model: job.ModelLeNet5, Layers: []int{pixels, 10}, LocalEpochs: 1, BatchSize: 4, LearningRate: 1, Seed: 3}
		ds := noisyImages(3, pixels, 7)
		params := initial(t, spec)
		trained, metrics, err := trainer(t, spec).Train(t.Context(), params, ds, 0)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		values := make([][]float64, len(params))
		for i, p := range params {
			n += len(p.Values)
			for _, v := range p.Values {
				values[i] = append(values[i], float64(v))
			}
		}
		if n != 61_706 || int64(n) != spec.model().Parameters() {
			t.Errorf("%d parameters, the job counts %d, want 61706", n, spec.model().Parameters())
		}
		if want := naiveLeNet5(values, ds); math.Abs(metrics.Loss-want) > 1e-5 {
			t.Errorf("loss %v, the naive one is %v", metrics.Loss, want)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for i, p := range params {
			largest := 0.0
			for range 12 {
				j := rng.IntN(len(p.Values))
				const h = 1e-7 // few units of so many switch within it
				before := values[i][j]
				values[i][j] = before + h
				above := naiveLeNet5(values, ds)
				values[i][j] = before - h
				below := naiveLeNet5(values, ds)
				values[i][j] = before
				want, got := (above-below)/(2*h), float64(p.Values[j])-float64(trained[i].Values[j])
				if math.Abs(got-want) > 2e-5+1e-3*math.Abs(want) {
					t.Errorf("%d pixels, %s[%d]: gradient %v, the difference is %v", pixels, p.Name, j, got, want)
				}
				largest = max(largest, math.Abs(want))
			}
			if largest < 1e-4 {
				t.Errorf("%s: the gradients looked at are all next to zero, %v", p.Name, largest)
			}
		}
	}
}

// TestLeNet5Diverges: numbers that are none reach the pooling.
func TestLeNet5Diverges(t *testing.T) {
	t.Parallel()
	spec := Spec{Model: job.ModelLeNet5, Layers: []int{28 * 28, 10}, LocalEpochs: 10, BatchSize: 4, LearningRate: 100, Momentum: 0.9}
	if _, _, err := trainer(t, spec).Train(t.Context(), initial(t, spec), noisyImages(12, 28*28, 1), 0); !errors.Is(err, ErrDiverged) {
		t.Fatalf("got %v, want ErrDiverged", err)
	}
}

// TestLeNet5Learns overfits a few images: a model that can't is broken.
func TestLeNet5Learns(t *testing.T) {
	t.Parallel()
	spec := Spec{Model: job.ModelLeNet5, Layers: []int{28 * 28, 10}, LocalEpochs: 40, BatchSize: 10, LearningRate: 0.02, Momentum: 0.9, Seed: 1}
	ds := noisyImages(20, 28*28, 4)
	tr := trainer(t, spec)
	trained, _, err := tr.Train(t.Context(), initial(t, spec), ds, 0)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := tr.Evaluate(t.Context(), trained, ds)
	if err != nil || metrics.Accuracy < 0.9 {
		t.Errorf("accuracy %v on its own rows, error %v", metrics.Accuracy, err)
	}
}
