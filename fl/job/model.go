package job

import (
	"path"
	"slices"
	"strconv"
)

// Models lists the built-in models.
func Models() []string { return []string{ModelMLP, ModelLogistic, ModelLinear, ModelLeNet5} }

// Regression reports whether the model finds a number instead of a class.
func (m Model) Regression() bool { return m.Name == ModelLinear }

// Metrics returns the names under which peers tell how well the model does.
func (m Model) Metrics() []string {
	if m.Regression() {
		return []string{"loss", "mae", "mse", "r2"}
	}
	return []string{"accuracy", "loss"}
}

// metrics lists those of all models.
func metrics() []string {
	var all []string
	for _, name := range Models() {
		all = append(all, Model{Name: name}.Metrics()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Tensors returns the names of a valid model's tensors, layer by layer.
func (m Model) Tensors() []string {
	var layers []string
	dense := len(m.Layers) - 1
	if m.Name == ModelLeNet5 {
		layers, dense = []string{"conv0", "conv1"}, 3
	}
	for i := range dense {
		layers = append(layers, "layer"+strconv.Itoa(i))
	}
	var names []string
	for _, layer := range layers {
		names = append(names, layer+".weight", layer+".bias")
	}
	return names
}

// Parameters says which tensors leave a peer. The others are its own: they
// start from the spec's seed, are trained like the rest, and stay.
type Parameters struct {
	Share     []string `cbor:"share,omitempty" json:"share,omitempty" yaml:"share,omitempty,flow"`
	KeepLocal []string `cbor:"keep_local,omitempty" json:"keep_local,omitempty" yaml:"keep_local,omitempty,flow"`
}

// Shares reports whether a tensor is part of updates and of the common model.
func (p Parameters) Shares(tensor string) bool {
	match := func(pattern string) bool { return matches(pattern, tensor) }
	return (len(p.Share) == 0 || slices.ContainsFunc(p.Share, match)) && !slices.ContainsFunc(p.KeepLocal, match)
}

// matches reports whether a pattern, one that [path.Match] can read, matches.
func matches(pattern, tensor string) bool {
	ok, _ := path.Match(pattern, tensor)
	return ok
}

// The inside of LeNet-5, whatever the number of classes.
const (
	leNetFixed = 6*(5*5+1) + 16*(6*5*5+1) + 120*(16*5*5+1) + 84*(120+1)
	leNetLast  = 84
	leNetWidth = 28 * 28 * 25 // the patches of the first convolution, the most that stands for a row
)

// Width returns the most numbers that stand for a row inside a valid model.
func (m Model) Width() int64 {
	if m.Name == ModelLeNet5 {
		return leNetWidth
	}
	return slices.Max(m.Layers)
}

// Parameters returns the number of weights and biases of a valid model.
func (m Model) Parameters() int64 {
	if m.Name == ModelLeNet5 {
		return leNetFixed + (leNetLast+1)*m.Layers[1]
	}
	n := int64(0)
	for i := 1; i < len(m.Layers); i++ {
		n += (m.Layers[i-1] + 1) * m.Layers[i]
	}
	return n
}

// WrongShape returns which sizes the model may have, where it has others: at
// least two are expected.
func (m Model) WrongShape() string {
	last := m.Layers[len(m.Layers)-1]
	switch {
	case m.Name == ModelLinear && (len(m.Layers) != 2 || last != 1):
		return "two sizes, features and 1,"
	case m.Name == ModelLeNet5 && (len(m.Layers) != 2 || m.Layers[0] != 28*28 && m.Layers[0] != 32*32 || last < 2):
		return "two sizes, 784 or 1024 pixels and at least 2 classes,"
	case m.Name == ModelLogistic && (len(m.Layers) != 2 || last < 2):
		return "two sizes, features and at least 2 classes,"
	case m.Name == ModelMLP && last < 2:
		return "at least 2 classes at the end"
	}
	return ""
}
