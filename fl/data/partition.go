package data

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Bounds of the concentration of a Dirichlet split. Below MinAlpha the gamma
// draws underflow; above MaxAlpha the split cannot be told from an even one.
const (
	MinAlpha = 0.01
	MaxAlpha = 1e6
)

// IID deals the shuffled rows of d out evenly: the sizes of two splits differ
// by at most one. It returns one ascending list of row numbers per peer.
func IID(d Dataset, peers int, seed uint64) ([][]int, error) {
	if err := checkSplit(d, peers, 1); err != nil {
		return nil, fmt.Errorf("split evenly: %w", err)
	}
	rng := rand.New(newSource("iid", seed)) //nolint:gosec // a repeatable split is the purpose
	splits := make([][]int, peers)
	for i, row := range rng.Perm(d.Rows) {
		splits[i%peers] = append(splits[i%peers], row)
	}
	return sorted(splits), nil
}

// Dirichlet splits d unevenly by label: for each label, the shares of the peers
// are one draw from a symmetric Dirichlet distribution of concentration alpha,
// so that a small alpha leaves each peer with few labels and unequal numbers of
// rows. This is the label-wise scheme of Yurochkin et al. 2019 (arXiv:
// 1905.12022, §4) over the prior of Hsu et al. 2019 (arXiv:1909.06335, §3), as
// NIID-Bench (arXiv:2102.02079) and Flower's DirichletPartitioner have it.
//
// Where those draw again until each peer has minRows, the peers that are short
// take rows from the then largest split: it always ends, for any alpha.
// It returns one ascending list of row numbers per peer; peers×minRows must not
// exceed the rows of d, and minRows is at least 1.
func Dirichlet(d Dataset, alpha float64, peers, minRows int, seed uint64) ([][]int, error) {
	if err := checkSplit(d, peers, minRows); err != nil {
		return nil, fmt.Errorf("split by label: %w", err)
	}
	if !(alpha >= MinAlpha && alpha <= MaxAlpha) {
		return nil, fmt.Errorf("split by label: alpha %v: must be %v to %v: %w", alpha, MinAlpha, MaxAlpha, ErrInvalid)
	}
	if d.Classes < 1 {
		return nil, fmt.Errorf("split by label: the rows have no classes: %w", ErrInvalid)
	}
	source := newSource("dirichlet", seed)
	rng := rand.New(source) //nolint:gosec // a repeatable split is the purpose
	byLabel := make([][]int, d.Classes)
	for row, label := range d.Labels {
		byLabel[label] = append(byLabel[label], row)
	}
	splits := make([][]int, peers)
	for _, rows := range byLabel {
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		start := 0
		for peer, end := range cuts(shares(alpha, peers, source), len(rows)) {
			splits[peer] = append(splits[peer], rows[start:end]...)
			start = end
		}
	}
	fillUp(splits, minRows)
	return sorted(splits), nil
}

// Labels splits d so that each peer has rows of perPeer labels, no more and no
// fewer, and the rows of a label are dealt evenly among the peers that have it
// (quantity-based label imbalance, NIID-Bench, arXiv:2102.02079, §4; McMahan et
// al. 2017, arXiv:1602.05629, §3, have such a split from shards, which may cut
// labels in two). The labels are dealt in shuffled turns, so that no two of them
// differ by more than one in the number of their peers.
//
// It returns one ascending list of row numbers per peer. The labels that have
// rows are at least perPeer and at most peers×perPeer, and each has a row for
// each of its peers.
func Labels(d Dataset, perPeer, peers int, seed uint64) ([][]int, error) {
	if err := checkSplit(d, peers, 1); err != nil {
		return nil, fmt.Errorf("split into labels: %w", err)
	}
	if d.Classes < 1 {
		return nil, fmt.Errorf("split into labels: the rows have no classes: %w", ErrInvalid)
	}
	var byLabel [][]int
	rowsOf := make([][]int, d.Classes)
	for row, label := range d.Labels {
		rowsOf[label] = append(rowsOf[label], row)
	}
	for _, rows := range rowsOf {
		if len(rows) > 0 {
			byLabel = append(byLabel, rows)
		}
	}
	if perPeer < 1 || perPeer > len(byLabel) || peers < (len(byLabel)+perPeer-1)/perPeer {
		return nil, fmt.Errorf("split into labels: %d labels of %d for each of %d peers: want 1 to all of them for each, and all of them among the peers: %w",
			perPeer, len(byLabel), peers, ErrInvalid)
	}
	rng := rand.New(newSource("labels", seed)) //nolint:gosec // a repeatable split is the purpose
	holders := dealLabels(len(byLabel), perPeer, peers, rng)
	splits := make([][]int, peers)
	for label, rows := range byLabel {
		if len(rows) < len(holders[label]) {
			return nil, fmt.Errorf("split into labels: %d rows of label %d for %d peers: %w", len(rows), d.Labels[rows[0]], len(holders[label]), ErrInvalid)
		}
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for i, row := range rows {
			peer := holders[label][i%len(holders[label])]
			splits[peer] = append(splits[peer], row)
		}
	}
	return sorted(splits), nil
}

// dealLabels returns the peers of each label: labels come in shuffled turns, and
// one that a peer has already waits for the next peer.
func dealLabels(labels, perPeer, peers int, rng *rand.Rand) [][]int {
	holders := make([][]int, labels)
	var waiting []int
	for peer := range peers {
		has := make([]bool, labels)
		for range perPeer {
			at := slices.IndexFunc(waiting, func(label int) bool { return !has[label] })
			if at < 0 {
				at = len(waiting)
				// The new turn holds a label that the peer lacks, since it lacks one.
				waiting = append(waiting, rng.Perm(labels)...)
				at += slices.IndexFunc(waiting[at:], func(label int) bool { return !has[label] })
			}
			label := waiting[at]
			waiting = slices.Delete(waiting, at, at+1)
			has[label] = true
			holders[label] = append(holders[label], peer)
		}
	}
	return holders
}

// shares draws from the symmetric Dirichlet distribution: gamma variables
// (Marsaglia and Tsang 2000, in gonum) divided by their sum.
func shares(alpha float64, n int, source rand.Source) []float64 {
	gamma := distuv.Gamma{Alpha: alpha, Beta: 1, Src: source}
	weights := make([]float64, n)
	for {
		sum := 0.0
		for i := range weights {
			weights[i] = gamma.Rand()
			sum += weights[i]
		}
		// With alpha near MinAlpha all draws can underflow to zero together,
		// and then they say nothing about the shares.
		if sum > 0 {
			for i := range weights {
				weights[i] /= sum
			}
			return weights
		}
	}
}

// cuts returns where each share of n rows ends; the last ends at n whatever
// the shares sum to in floating point.
func cuts(shares []float64, n int) []int {
	ends := make([]int, len(shares))
	sum := 0.0
	for i, share := range shares {
		sum += share
		ends[i] = min(int(sum*float64(n)), n)
	}
	ends[len(ends)-1] = n
	return ends
}

// fillUp moves rows, one at a time, from the largest split to the first that
// has fewer than minRows. It ends because minRows is at most the mean size.
func fillUp(splits [][]int, minRows int) {
	for peer := range splits {
		for len(splits[peer]) < minRows {
			largest := 0
			for i, split := range splits {
				if len(split) > len(splits[largest]) {
					largest = i
				}
			}
			last := len(splits[largest]) - 1
			splits[peer] = append(splits[peer], splits[largest][last])
			splits[largest] = splits[largest][:last]
		}
	}
}

func checkSplit(d Dataset, peers, minRows int) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if peers < 1 || minRows < 1 || peers > d.Rows/minRows {
		return fmt.Errorf("%d rows among %d peers, at least %d each: both must be at least 1 and their product at most the rows: %w",
			d.Rows, peers, minRows, ErrInvalid)
	}
	return nil
}

func sorted(splits [][]int) [][]int {
	for _, split := range splits {
		slices.Sort(split)
	}
	return splits
}

// newSource derives a generator from a seed and the purpose it serves, so that
// equal seeds in two places do not yield the same stream.
func newSource(purpose string, seed uint64) rand.Source {
	text := binary.BigEndian.AppendUint64([]byte("librum/fl/data/"+purpose+"/"), seed)
	return rand.NewChaCha8(sha256.Sum256(text))
}
