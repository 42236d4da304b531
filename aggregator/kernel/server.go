package kernel

import "math"

// The server steps. x is the global model's tile and becomes the next one's;
// delta is the mean of the updates less x. A step with memory keeps it
// interleaved, so many numbers a coordinate.

// Rate is the step x + η·Δ.
func Rate(x, delta []float64, rate float64) {
	for i, d := range delta[:len(x)] {
		x[i] += float64(rate * d)
	}
}

// Momentum is FedAvgM's step: m = β·m + Δ, x + η·m. One number a coordinate.
func Momentum(x, delta, memory []float64, rate, beta float64) {
	delta, memory = delta[:len(x)], memory[:len(x)]
	for i := range x {
		m := float64(beta*memory[i]) + delta[i]
		memory[i] = m
		x[i] += float64(rate * m)
	}
}

// Second is how an adaptive step moves its second moment.
type Second int

// The second moments of Reddi et al. 2021, algorithm 2.
const (
	Adagrad Second = iota // v + Δ²
	Adam                  // β₂·v + (1−β₂)·Δ²
	Yogi                  // v − (1−β₂)·Δ²·sign(v − Δ²)
)

// Adaptive is the step of Reddi et al. 2021, algorithm 2: m = β₁·m + (1−β₁)·Δ,
// v as second has it, x + η·m/(√v + τ). Two numbers a coordinate, m and v.
func Adaptive(second Second, x, delta, memory []float64, rate, beta1, beta2, tau float64) {
	delta, memory = delta[:len(x)], memory[:2*len(x)]
	for i := range x {
		d := delta[i]
		square := float64(d * d)
		m := float64(beta1*memory[2*i]) + float64((1-beta1)*d)
		v := memory[2*i+1]
		switch part := float64((1 - beta2) * square); {
		case second == Adagrad:
			v += square
		case second == Adam:
			v = float64(beta2*v) + part
		case v > square:
			v -= part
		case v < square:
			v += part
		}
		memory[2*i], memory[2*i+1] = m, v
		x[i] += float64(rate*m) / (math.Sqrt(v) + tau)
	}
}

// Exp returns e^x for |x| ≤ 64 to about 1e-14, by additions, multiplications
// and divisions alone, so that its bits are the same everywhere; those of
// math.Exp are not. It halves x ten times, takes the series, and squares the
// result ten times.
func Exp(x float64) float64 {
	if x < 0 {
		return 1 / Exp(-x)
	}
	const halvings, terms = 10, 16
	y := x / (1 << halvings)
	// e^y − 1 by Horner's rule: near 0 it keeps the digits that e^y would round
	// away, and (1+a)² − 1 = a·(2+a) keeps them while squaring.
	a := 0.0
	for k := terms; k > 0; k-- {
		a = float64(y / float64(k) * (1 + a))
	}
	for range halvings {
		a = float64(a * (2 + a))
	}
	return 1 + a
}

// Power returns x^n by repeated squaring: the same bits everywhere.
func Power(x float64, n uint64) float64 {
	result := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = float64(result * x)
		}
		x = float64(x * x)
	}
	return result
}
