package kernel

// A row is one update's tile as float64; the loops below work on rows.

// Relative turns a row into scale·(row − global).
func Relative(row, global []float64, scale float64) {
	global = global[:len(row)]
	for i := range row {
		row[i] = float64(scale * (row[i] - global[i]))
	}
}

// AddScaled adds weight·row to acc.
func AddScaled(acc, row []float64, weight float64) { addScaled(acc, row[:len(acc)], weight) }

// addScaledF64 is what addScaled does, in Go.
func addScaledF64(acc, row []float64, weight float64) {
	row = row[:len(acc)]
	for i := range acc {
		acc[i] += float64(weight * row[i])
	}
}

// Add adds row to acc.
func Add(acc, row []float64) {
	row = row[:len(acc)]
	for i := range acc {
		acc[i] += row[i]
	}
}

// Sub subtracts row from acc.
func Sub(acc, row []float64) {
	row = row[:len(acc)]
	for i := range acc {
		acc[i] -= row[i]
	}
}

// Divide divides acc by total.
func Divide(acc []float64, total float64) {
	for i := range acc {
		acc[i] /= total
	}
}

// Clamp moves what lies outside ±limit to the limit.
func Clamp(xs []float64, limit float64) {
	for i, x := range xs {
		xs[i] = min(max(x, -limit), limit)
	}
}

// Squares adds to sums[i] the squared distance of row i from the row at, in
// index order.
func Squares(sums []float64, rows [][]float64, at []float64) {
	for i, row := range rows {
		sum, row := sums[i], row[:len(at)]
		for k, x := range at {
			d := row[k] - x
			sum += float64(d * d)
		}
		sums[i] = sum
	}
}

// Dots adds to sums[i] the inner product of row i with the row at, in index
// order.
func Dots(sums []float64, rows [][]float64, at []float64) {
	for i, row := range rows {
		sum, row := sums[i], row[:len(at)]
		for k, x := range at {
			sum += float64(row[k] * x)
		}
		sums[i] = sum
	}
}

// Pairs returns the number of pairs of n rows.
func Pairs(n int) int { return n * (n - 1) / 2 }

// PairSquares adds to sums the squared distance of every pair of rows, in index
// order: of 0 and 1, 0 and 2, … 1 and 2, …. It takes differences: expanding
// ‖x‖²−2x·y+‖y‖² loses what tells two updates of one model apart.
func PairSquares(sums []float64, rows [][]float64) {
	for i, row := range rows {
		others := rows[i+1:]
		for len(others) >= 8 {
			eightSquares((*[8]float64)(sums), row, (*[8][]float64)(others))
			sums, others = sums[8:], others[8:]
		}
		for len(others) >= 4 {
			fourSquares((*[4]float64)(sums), row, (*[4][]float64)(others))
			sums, others = sums[4:], others[4:]
		}
		Squares(sums[:len(others)], others, row)
		sums = sums[len(others):]
	}
}

// fourSquares keeps four sums going: one alone waits for each addition.
func fourSquares(sums *[4]float64, row []float64, others *[4][]float64) {
	n := len(row)
	a, b, c, d := others[0][:n], others[1][:n], others[2][:n], others[3][:n]
	sa, sb, sc, sd := sums[0], sums[1], sums[2], sums[3]
	for i, x := range row {
		da, db, dc, dd := a[i]-x, b[i]-x, c[i]-x, d[i]-x
		sa += float64(da * da)
		sb += float64(db * db)
		sc += float64(dc * dc)
		sd += float64(dd * dd)
	}
	*sums = [4]float64{sa, sb, sc, sd}
}
