package kernel

import "math"

// Sort sorts every column of rows of equal length: afterwards rows[0] holds the
// smallest number of each column. It is Batcher's merge exchange (Knuth, The
// Art of Computer Programming 3, algorithm 5.2.2M): a network, so that whole
// rows are compared at a time, without a branch on what they hold.
func Sort(rows [][]int64) {
	n := len(rows)
	if n < 2 {
		return
	}
	top := 1
	for top*2 < n {
		top *= 2
	}
	for p := top; p > 0; p /= 2 {
		for q, r, d := top, 0, p; ; q, r, d = q/2, p, q-p {
			for i := range n - d {
				if i&p == r {
					exchange(rows[i], rows[i+d])
				}
			}
			if q == p {
				break
			}
		}
	}
}

// exchange puts the smaller number of each pair into low.
func exchange(low, high []int64) {
	high = high[:len(low)]
	for i, a := range low {
		b := high[i]
		low[i], high[i] = min(a, b), max(a, b)
	}
}

// Keys stores for each number an integer that compares as the number does, with
// −0 below +0: a total order, where comparing floats knows none between zeros.
func Keys(dst []int64, xs []float64) {
	dst = dst[:len(xs)]
	for i, x := range xs {
		dst[i] = flip(int64(math.Float64bits(x)))
	}
}

// flip turns a float's bits into its key and back.
func flip(bits int64) int64 { return bits ^ int64(uint64(bits>>63)>>1) }

// unkey returns the number with a key.
func unkey(key int64) float64 { return math.Float64frombits(uint64(flip(key))) }

// Middle stores, for each column of sorted keys, the mean of the rows first to
// last: their sum in ascending order, divided once. One row is its own mean.
func Middle(dst []float64, sorted [][]int64, first, last int) {
	clear(dst)
	for _, row := range sorted[first : last+1] {
		row = row[:len(dst)]
		for i := range dst {
			dst[i] += unkey(row[i])
		}
	}
	Divide(dst, float64(last+1-first))
}

// Nearest stores, for each column of sorted keys, the mean of the count numbers
// nearest to the column's median, in ascending order: the end that is farther
// goes, of two as far the larger, until so many are left.
func Nearest(dst []float64, sorted [][]int64, count int) {
	n := len(sorted)
	for i := range dst {
		low, high := 0, n-1
		median := float64((unkey(sorted[(n-1)/2][i]) + unkey(sorted[n/2][i])) / 2)
		for high-low+1 > count {
			if math.Abs(unkey(sorted[low][i])-median) > math.Abs(unkey(sorted[high][i])-median) {
				low++
			} else {
				high--
			}
		}
		sum := 0.0
		for ; low <= high; low++ {
			sum += unkey(sorted[low][i])
		}
		dst[i] = sum / float64(count)
	}
}
