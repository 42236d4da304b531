package kernel

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// TestAdaptiveVector is the case of Reddi et al.'s FedAdagrad in Flower's unit
// test: η = .1, τ = .5, x = .1, updates .2 and 1.0.
func TestAdaptiveVector(t *testing.T) {
	t.Parallel()
	x, memory := []float64{0.1}, make([]float64, 2)
	Adaptive(Adagrad, x, []float64{(0.2+1.0)/2 - 0.1}, memory, 0.1, 0, 0, 0.5)
	if math.Abs(x[0]-0.15) > 1e-15 || math.Abs(memory[1]-0.25) > 1e-15 {
		t.Errorf("x %v, memory %v; want .15 and v .25", x, memory)
	}
}

// TestStepsAgainstNaive writes each step down for one coordinate.
func TestStepsAgainstNaive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Float64Range(-100, 100)
		n := rapid.IntRange(0, 9).Draw(t, "n")
		x := rapid.SliceOfN(number, n, n).Draw(t, "x")
		delta := rapid.SliceOfN(number, n, n).Draw(t, "delta")
		memory := rapid.SliceOfN(rapid.Float64Range(0, 100), 2*n, 2*n).Draw(t, "memory")
		eta, b1, b2, tau := rapid.Float64Range(0, 1).Draw(t, "eta"), rapid.Float64Range(0, 1).Draw(t, "b1"), rapid.Float64Range(0, 1).Draw(t, "b2"), 1e-3
		for _, second := range []Second{Adagrad, Adam, Yogi} {
			gotX, gotM := append([]float64{}, x...), append([]float64{}, memory...)
			Adaptive(second, gotX, delta, gotM, eta, b1, b2, tau)
			for i := range x {
				square := float64(delta[i] * delta[i]) // rounded, as kernel(2) has it
				old, part := float64(b1*memory[2*i]), float64((1-b1)*delta[i])
				m := old + part
				v := memory[2*i+1]
				kept, added := float64(b2*v), float64((1-b2)*square)
				switch second {
				case Adagrad:
					v += square
				case Adam:
					v = kept + added
				case Yogi:
					if sign := v - square; sign > 0 {
						v -= added
					} else if sign < 0 {
						v += added
					}
				}
				step := float64(eta * m)
				if want := x[i] + step/(math.Sqrt(v)+tau); gotX[i] != want || gotM[2*i] != m || gotM[2*i+1] != v {
					t.Fatalf("%v: x %v, m %v, v %v; want %v, %v, %v", second, gotX[i], gotM[2*i], gotM[2*i+1], want, m, v)
				}
			}
		}
		gotX, gotM := append([]float64{}, x...), append([]float64{}, memory[:n]...)
		Momentum(gotX, delta, gotM, eta, b1)
		for i := range x {
			old := float64(b1 * memory[i])
			m := old + delta[i]
			step := float64(eta * m)
			if want := x[i] + step; gotX[i] != want || gotM[i] != m {
				t.Fatalf("momentum: x %v, m %v; want %v, %v", gotX[i], gotM[i], want, m)
			}
		}
	})
}

// TestExp holds Exp against math.Exp, whose error is below 1e-15.
func TestExp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-64, 64).Draw(t, "x")
		if got, want := Exp(x), math.Exp(x); math.Abs(got/want-1) > 5e-14 {
			t.Fatalf("e^%v: %v, want %v", x, got, want)
		}
	})
	if Exp(0) != 1 {
		t.Errorf("e^0 is %v", Exp(0))
	}
}

// TestPower holds Power against exact rationals.
func TestPower(t *testing.T) {
	t.Parallel()
	for n, want := uint64(0), big.NewRat(1, 1); n < 60; n++ {
		exact, _ := want.Float64()
		if got := Power(0.9, n); math.Abs(got/exact-1) > 1e-14 {
			t.Errorf("0.9^%d: %v, want %v", n, got, exact)
		}
		want = new(big.Rat).Mul(want, new(big.Rat).SetFloat64(0.9))
	}
	if Power(0, 0) != 1 || Power(0, 5) != 0 || Power(2, 10) != 1024 {
		t.Error("powers of 0 and 2")
	}
}
