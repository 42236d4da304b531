package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/train"
)

// The attacks that a federation can be under. All but the third send what has
// nothing to do with their rows; the last two know the honest updates.
const (
	attackSignFlip  = "sign_flip"  // the difference from the model, turned around and four times as long (Li et al. 2019, RSA)
	attackGaussian  = "gaussian"   // the model and a normal number of deviation 1 for each weight (Blanchard et al. 2017)
	attackLabelFlip = "label_flip" // trained as others, on the label l for classes−1−l (Fang et al. 2020)
	attackALIE      = "alie"       // the honest mean less 1.5 honest deviations, for each weight (Baruch et al. 2019)
	attackIPM       = "ipm"        // minus half the honest mean difference (Xie et al. 2020)
)

const (
	signFlipFactor = -4
	alieDeviations = 1.5
	ipmFactor      = -0.5
)

func attackNames() []string {
	return []string{attackSignFlip, attackGaussian, attackLabelFlip, attackALIE, attackIPM}
}

// attack is what the last of the peers do; nil: nothing.
type attack struct {
	name  string
	peers int // that attack
}

func parseAttack(name string, share float64, peers int) (*attack, error) {
	switch {
	case name == "none":
		return nil, nil //nolint:nilnil // no attack is a value
	case !slices.Contains(attackNames(), name):
		return nil, fmt.Errorf("no attack %.40q: want none, %s", name, strings.Join(attackNames(), ", "))
	case !(share > 0 && share < 0.5):
		return nil, fmt.Errorf("a share of %g attackers: want above 0, below 0.5", share)
	}
	a := &attack{name: name, peers: int(math.Round(share * float64(peers)))}
	if a.peers < 1 {
		return nil, fmt.Errorf("a share of %g of %d peers is nobody", share, peers)
	}
	return a, nil
}

// by reports whether a peer is an attacker.
func (a *attack) by(peer, peers int) bool { return a != nil && peer >= peers-a.peers }

func (a *attack) flipsLabels() bool { return a != nil && a.name == attackLabelFlip }

func flipLabels(part data.Dataset) data.Dataset {
	part.Labels = slices.Clone(part.Labels)
	for i, l := range part.Labels {
		part.Labels[i] = int32(part.Classes) - 1 - l
	}
	return part
}

// replace puts what the attackers send in place of what they trained. The
// updates are those of the peers drawn, which all began from model.
func (a *attack) replace(model []train.Param, updates [][]train.Param, drawn []int, peers int, seed, round uint64) {
	if a == nil || a.flipsLabels() {
		return
	}
	var honest [][]train.Param
	for i, peer := range drawn {
		if !a.by(peer, peers) {
			honest = append(honest, updates[i])
		}
	}
	for i, peer := range drawn {
		if a.by(peer, peers) {
			random := rand.New(rand.NewPCG(seed^0x61747461636b, round<<32|uint64(peer))) //nolint:gosec // an experiment that repeats
			for p, sent := range updates[i] {
				a.forge(model[p].Values, sent.Values, valuesOf(honest, p), random)
			}
		}
	}
}

// valuesOf returns what the updates have for one parameter.
func valuesOf(updates [][]train.Param, parameter int) [][]float32 {
	values := make([][]float32, len(updates))
	for i, u := range updates {
		values[i] = u[parameter].Values
	}
	return values
}

// forge puts what an attacker sends in place of what it trained.
func (a *attack) forge(model, sent []float32, honest [][]float32, random *rand.Rand) {
	column := make([]float64, len(honest))
	for j, x := range model {
		for k, values := range honest {
			column[k] = float64(values[j])
		}
		sent[j] = float32(a.weight(float64(x), float64(sent[j]), column, random))
	}
}

// weight returns what an attacker sends for one weight.
func (a *attack) weight(model, trained float64, honest []float64, random *rand.Rand) float64 {
	switch a.name {
	case attackSignFlip:
		return model + signFlipFactor*(trained-model)
	case attackGaussian:
		return model + random.NormFloat64()
	}
	if len(honest) == 0 { // nobody to learn from
		return model
	}
	mean, deviation := stat.PopMeanStdDev(honest, nil)
	if a.name == attackIPM {
		return model + ipmFactor*(mean-model)
	}
	return mean - alieDeviations*deviation
}
