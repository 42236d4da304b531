package data

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
)

func TestDigits(t *testing.T) {
	t.Parallel()
	// The file as scikit-learn ships it.
	const want = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
	if got := sha256.Sum256(digitsCSV); hex.EncodeToString(got[:]) != want {
		t.Errorf("digits.csv.gz has SHA-256 %x, want %s", got, want)
	}
	pool, heldOut, err := Digits()
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]Dataset{"pool": pool, "held-out rows": heldOut} {
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if low, high := slices.Min(d.Features), slices.Max(d.Features); low != DigitsBlank || high != 1 {
			t.Errorf("%s: features from %v to %v, want -1 to 1", name, low, high)
		}
	}
	if pool.Rows != 1437 || heldOut.Rows != 360 || pool.Columns != 64 || pool.Classes != 10 {
		t.Errorf("%d×%d rows and %d held out, %d classes", pool.Rows, pool.Columns, heldOut.Rows, pool.Classes)
	}
	// scikit-learn's documentation and load_digits() give these.
	if !slices.Equal(pool.Row(0)[:8], []float32{-1, -1, -3. / 8, 5. / 8, 1. / 8, -7. / 8, -1, -1}) || pool.Labels[0] != 0 {
		t.Errorf("the first image begins with %v and is a %d", pool.Row(0)[:8], pool.Labels[0])
	}
	if heldOut.Labels[359] != 8 {
		t.Errorf("the last image is a %d, want an 8", heldOut.Labels[359])
	}
	total := pool.LabelCounts()
	for label, n := range heldOut.LabelCounts() {
		total[label] += n
	}
	if !slices.Equal(total, []int{178, 182, 177, 183, 181, 182, 181, 179, 174, 180}) {
		t.Errorf("labels are counted %v", total)
	}
	// Appending to the pool must not reach into the held-out rows.
	before := heldOut.Row(0)[0]
	_ = append(pool.Features, 7)
	if heldOut.Row(0)[0] != before {
		t.Error("the pool shares its capacity with the held-out rows")
	}
}
