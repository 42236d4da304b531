package train

import (
	"math"

	"github.com/librum/librum/fl/data"
)

// twin is the perceptron again, in plain float64 loops over single rows: slow,
// and simple enough to be seen right. It shares the order of rows and their
// augmentation with the Trainer and nothing else.
type twin struct {
	spec     Spec
	values   [][]float64 // layout order, weights [out][in]
	start    [][]float64
	velocity [][]float64
}

func newTwin(spec Spec, params []Param) *twin {
	w := &twin{spec: spec}
	for _, p := range params {
		values := make([]float64, len(p.Values))
		for i, v := range p.Values {
			values[i] = float64(v)
		}
		w.values = append(w.values, values)
		w.start = append(w.start, append([]float64(nil), values...))
		w.velocity = append(w.velocity, make([]float64, len(values)))
	}
	return w
}

// forward returns the activations of all layers, the last being the logits.
func (w *twin) forward(x []float64) [][]float64 {
	activations := [][]float64{x}
	for layer := range len(w.values) / 2 {
		weight, bias, in := w.values[2*layer], w.values[2*layer+1], activations[layer]
		out := make([]float64, len(bias))
		for o := range out {
			out[o] = bias[o]
			for i := range in {
				out[o] += weight[o*len(in)+i] * in[i]
			}
			if layer < len(w.values)/2-1 {
				out[o] = math.Max(out[o], 0)
			}
		}
		activations = append(activations, out)
	}
	return activations
}

func softmax(z []float64) []float64 {
	sum := 0.0
	p := make([]float64, len(z))
	for i := range z {
		p[i] = math.Exp(z[i])
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// train is Train: the loss and accuracy of the last epoch are returned.
func (w *twin) train(ds data.Dataset, round uint64) (loss, accuracy float64) {
	order, augment := newRand("order", w.spec.Seed, round), newRand("augment", w.spec.Seed, round)
	for range w.spec.LocalEpochs {
		loss, accuracy = 0, 0
		rows := order.Perm(ds.Rows)
		for len(rows) > 0 {
			n := min(w.spec.BatchSize, len(rows))
			grads := make([][]float64, len(w.values))
			for i := range grads {
				grads[i] = make([]float64, len(w.values[i]))
			}
			for _, row := range rows[:n] {
				x := make([]float64, ds.Columns)
				input := append([]float32(nil), ds.Row(row)...)
				w.spec.Augment.apply(input, make([]float32, ds.Columns), augment)
				for j, v := range input {
					x[j] = float64(v)
				}
				p := w.backward(x, ds.Labels[row], n, grads)
				loss -= math.Log(p[ds.Labels[row]]) / float64(ds.Rows)
				hit := 1 / float64(ds.Rows)
				for _, q := range p {
					if q > p[ds.Labels[row]] {
						hit = 0
					}
				}
				accuracy += hit
			}
			for i := range grads {
				for j := range grads[i] {
					pull := w.spec.ProximalMu * (w.values[i][j] - w.start[i][j])
					w.velocity[i][j] = w.spec.Momentum*w.velocity[i][j] + grads[i][j] + pull
					w.values[i][j] -= w.spec.LearningRate * w.velocity[i][j]
				}
			}
			rows = rows[n:]
		}
	}
	return loss, accuracy
}

// backward adds the gradient of one row of a batch of n and returns the
// probabilities of the classes.
func (w *twin) backward(x []float64, label int32, n int, grads [][]float64) []float64 {
	activations := w.forward(x)
	p := softmax(activations[len(activations)-1])
	delta := append([]float64(nil), p...)
	delta[label]--
	for o := range delta {
		delta[o] /= float64(n)
	}
	for layer := len(w.values)/2 - 1; layer >= 0; layer-- {
		in, weight := activations[layer], w.values[2*layer]
		below := make([]float64, len(in))
		for o, d := range delta {
			grads[2*layer+1][o] += d
			for i := range in {
				grads[2*layer][o*len(in)+i] += d * in[i]
				if in[i] > 0 {
					below[i] += d * weight[o*len(in)+i]
				}
			}
		}
		delta = below
	}
	return p
}
