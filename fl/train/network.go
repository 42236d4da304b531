package train

import (
	"fmt"
	"sync"

	// tensor refuses to start on a Go release that this package does not know;
	// naming it here pins a version that does.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// network is the perceptron as a gorgonia graph over batches of a fixed number
// of rows, compiled once. The slices below are the memory of the graph's nodes:
// writing to them sets its input, and after run they hold its result.
//
// A smaller batch fills the first rows and leaves the others zero. With zero
// targets those rows have zero loss and zero gradient, and a sum is not changed
// by adding zero, so the result is exactly that of the smaller batch.
type network struct {
	rows    int
	inputs  []float32   // rows×features
	targets []float32   // rows×classes, one-hot divided by the rows in use; nil without gradients
	values  [][]float32 // of the parameters in layout order, weights as [in, out]

	nodes   gorgonia.Nodes // the parameters
	grads   gorgonia.Nodes // of the loss by the parameters; nil without gradients
	logits  *gorgonia.Node
	machine gorgonia.VM
}

// building is held while a graph is built: gorgonia numbers rectifiers in a
// variable of its package and hashes constants that all graphs share, both
// unguarded. A graph that stands has clones of its own and runs beside others.
var building sync.Mutex

// newNetwork builds the graph of spec's model for batches of rows. With
// gradients it ends in the loss, -Σ targets⊙log softmax(logits), else in the
// logits. Networks that are handed the same values share their parameters.
func newNetwork(spec Spec, rows int, gradients bool, values [][]float32) (*network, error) {
	building.Lock()
	defer building.Unlock()
	graph := gorgonia.NewGraph()
	n := &network{rows: rows, values: values}
	matrix := func(name string, backing []float32, shape ...int) *gorgonia.Node {
		value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
		return gorgonia.NewMatrix(graph, tensor.Float32,
			gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(value))
	}
	features, classes := spec.Layers[0], spec.Layers[len(spec.Layers)-1]
	n.inputs = make([]float32, rows*features)
	// A column of ones turns adding the bias, and summing its gradient over the
	// batch, into matrix products, which gorgonia does faster than broadcasts.
	ones := make([]float32, rows)
	for i := range ones {
		ones[i] = 1
	}
	one := matrix("ones", ones, rows, 1)
	x := matrix("inputs", n.inputs, rows, features)
	for i, in := range spec.Layers[:len(spec.Layers)-1] {
		out := spec.Layers[i+1]
		weight := matrix(fmt.Sprintf("weight%d", i), values[2*i], in, out)
		bias := matrix(fmt.Sprintf("bias%d", i), values[2*i+1], 1, out)
		n.nodes = append(n.nodes, weight, bias)
		product, err := gorgonia.Mul(x, weight)
		if err != nil {
			return nil, fmt.Errorf("multiply by weight %d: %w", i, err)
		}
		shift, err := gorgonia.Mul(one, bias)
		if err != nil {
			return nil, fmt.Errorf("spread bias %d: %w", i, err)
		}
		if x, err = gorgonia.Add(product, shift); err != nil {
			return nil, fmt.Errorf("add bias %d: %w", i, err)
		}
		if i == len(spec.Layers)-2 {
			break
		}
		if x, err = gorgonia.Rectify(x); err != nil {
			return nil, fmt.Errorf("rectify layer %d: %w", i, err)
		}
	}
	n.logits = x
	if gradients {
		n.targets = make([]float32, rows*classes)
		if err := n.addLoss(matrix("targets", n.targets, rows, classes)); err != nil {
			return nil, err
		}
	}
	n.machine = gorgonia.NewTapeMachine(graph)
	return n, nil
}

// addLoss appends the loss and its gradients to the graph.
func (n *network) addLoss(targets *gorgonia.Node) error {
	logarithms, err := gorgonia.LogSoftMax(n.logits, 1)
	if err != nil {
		return fmt.Errorf("take the log softmax: %w", err)
	}
	terms, err := gorgonia.HadamardProd(logarithms, targets)
	if err != nil {
		return fmt.Errorf("weigh by the targets: %w", err)
	}
	sum, err := gorgonia.Sum(terms)
	if err != nil {
		return fmt.Errorf("sum the loss: %w", err)
	}
	loss, err := gorgonia.Neg(sum)
	if err != nil {
		return fmt.Errorf("negate the loss: %w", err)
	}
	if n.grads, err = gorgonia.Grad(loss, n.nodes...); err != nil {
		return fmt.Errorf("derive the loss: %w", err)
	}
	return nil
}

// run computes the graph over inputs, targets and values.
func (n *network) run() error {
	n.machine.Reset()
	if err := n.machine.RunAll(); err != nil {
		return fmt.Errorf("run the graph: %w", err)
	}
	return nil
}

// result returns the numbers that the last run left in node, in its own memory.
func result(node *gorgonia.Node) ([]float32, error) {
	values, ok := node.Value().Data().([]float32)
	if !ok {
		return nil, fmt.Errorf("read %v: it holds %T instead of float32 numbers", node, node.Value().Data())
	}
	return values, nil
}
