package job

import "slices"

// Models lists the built-in models.
func Models() []string { return []string{ModelMLP, ModelLogistic, ModelLinear, ModelLeNet5} }

// Regression reports whether the model finds a number instead of a class.
func (m Model) Regression() bool { return m.Name == ModelLinear }

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
