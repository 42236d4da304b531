package train

import (
	"fmt"
	"sync"

	// tensor refuses to start on a Go release that this package does not know;
	// naming it here pins a version that does.
	_ "go4.org/unsafe/assume-no-moving-gc"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
)

// network is a model as a gorgonia graph over batches of a fixed number of rows,
// compiled once. The slices below are the memory of the graph's nodes: writing to
// them sets its input, and after run they hold its result.
//
// A smaller batch fills the first rows and leaves the others zero. With zero
// weights those rows have zero loss and zero gradient, and a sum is not changed
// by adding zero, so the result is exactly that of the smaller batch.
type network struct {
	rows    int
	inputs  []float32   // rows×features
	targets []float32   // rows×outputs: one-hot divided by the rows in use, or numbers to find; nil without gradients
	weights []float32   // rows×1, of regression: 1 divided by the rows in use; nil without gradients
	values  [][]float32 // of the parameters in layout order, weights as [in, out]

	nodes   gorgonia.Nodes // the parameters
	grads   gorgonia.Nodes // of the loss by the parameters; nil without gradients
	outputs *gorgonia.Node // logits, or the numbers found
	machine gorgonia.VM
}

// building is held while a graph is built: gorgonia numbers rectifiers in a
// variable of its package and hashes constants that all graphs share, both
// unguarded. A graph that stands has clones of its own and runs beside others.
var building sync.Mutex

// newNetwork builds the graph of spec's model for batches of rows. With
// gradients it ends in the loss, else in the outputs. Networks that are handed
// the same values share their parameters.
func newNetwork(spec Spec, rows int, gradients bool, values [][]float32) (*network, error) {
	building.Lock()
	defer building.Unlock()
	n := &network{rows: rows, values: values}
	b := builder{graph: gorgonia.NewGraph(), columns: map[int]*gorgonia.Node{}}
	n.inputs = make([]float32, rows*spec.Layers[0])
	x := b.matrix("inputs", n.inputs, rows, spec.Layers[0])
	sizes, first := spec.Layers, 0
	if spec.Model == job.ModelLeNet5 {
		sizes, first = leNet5Dense(spec.outputs()), 2
		x = b.leNet5(n, x, spec.Layers[0])
	}
	for i := range len(sizes) - 1 {
		x = b.layer(n, x, first+i, sizes[i], sizes[i+1])
		if i < len(sizes)-2 {
			x = b.rectify(x)
		}
	}
	n.outputs = x
	if gradients {
		n.targets = make([]float32, rows*spec.outputs())
		targets := b.matrix("targets", n.targets, rows, spec.outputs())
		var loss *gorgonia.Node
		if spec.regression() {
			n.weights = make([]float32, rows)
			loss = b.squaredError(x, targets, b.matrix("weights", n.weights, rows, 1))
		} else {
			loss = b.crossEntropy(x, targets)
		}
		b.derive(n, loss)
	}
	if b.err != nil {
		return nil, b.err
	}
	n.machine = gorgonia.NewTapeMachine(b.graph)
	return n, nil
}

// aim sets what the network should give for the named rows of ds, the first of
// its batch.
func (n *network) aim(ds data.Dataset, rows []int) {
	clear(n.targets)
	share := 1 / float32(len(rows))
	if n.weights != nil {
		clear(n.weights)
		for i, row := range rows {
			n.targets[i], n.weights[i] = ds.Targets[row], share
		}
		return
	}
	width := len(n.targets) / n.rows
	for i, row := range rows {
		n.targets[i*width+int(ds.Labels[row])] = share
	}
}

// builder puts nodes into a graph; after an error it does nothing.
type builder struct {
	graph   *gorgonia.ExprGraph
	columns map[int]*gorgonia.Node // of ones, by their length
	err     error
}

func (b *builder) matrix(name string, backing []float32, shape ...int) *gorgonia.Node {
	value := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
	return gorgonia.NewMatrix(b.graph, tensor.Float32, gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(value))
}

// try keeps the first error.
func (b *builder) try(what string, make func() (*gorgonia.Node, error)) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	node, err := make()
	if err != nil {
		b.err = fmt.Errorf("%s: %w", what, err)
	}
	return node
}

// layer multiplies by the weight of the i-th layer and adds its bias. A column
// of ones turns adding the bias, and summing its gradient over the batch, into
// matrix products, which gorgonia does faster than broadcasts.
func (b *builder) layer(n *network, x *gorgonia.Node, i, in, out int) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	weight := b.matrix(fmt.Sprintf("weight%d", i), n.values[2*i], in, out)
	bias := b.matrix(fmt.Sprintf("bias%d", i), n.values[2*i+1], 1, out)
	n.nodes = append(n.nodes, weight, bias)
	rows := x.Shape()[0]
	one, made := b.columns[rows]
	if !made {
		ones := make([]float32, rows)
		for j := range ones {
			ones[j] = 1
		}
		one = b.matrix(fmt.Sprintf("ones%d", rows), ones, rows, 1)
		b.columns[rows] = one
	}
	product := b.try("multiply by a weight", func() (*gorgonia.Node, error) { return gorgonia.Mul(x, weight) })
	shift := b.try("spread a bias", func() (*gorgonia.Node, error) { return gorgonia.Mul(one, bias) })
	return b.try("add a bias", func() (*gorgonia.Node, error) { return gorgonia.Add(product, shift) })
}

func (b *builder) rectify(x *gorgonia.Node) *gorgonia.Node {
	return b.try("rectify", func() (*gorgonia.Node, error) { return gorgonia.Rectify(x) })
}

// crossEntropy is -Σ targets⊙log softmax(logits).
func (b *builder) crossEntropy(logits, targets *gorgonia.Node) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	logarithms := b.apply(logSoftmax{rows: logits.Shape()[0], columns: logits.Shape()[1]}, logits)
	terms := b.try("weigh by the targets", func() (*gorgonia.Node, error) { return gorgonia.HadamardProd(logarithms, targets) })
	sum := b.try("sum the loss", func() (*gorgonia.Node, error) { return gorgonia.Sum(terms) })
	return b.try("negate the loss", func() (*gorgonia.Node, error) { return gorgonia.Neg(sum) })
}

// squaredError is Σ weights⊙(targets-found)². The targets come first because
// gorgonia puts a difference into the memory of what it takes from, if the graph
// has no further use for that; what was found is still to be counted.
func (b *builder) squaredError(found, targets, weights *gorgonia.Node) *gorgonia.Node {
	miss := b.try("take the error", func() (*gorgonia.Node, error) { return gorgonia.Sub(targets, found) })
	square := b.try("square the error", func() (*gorgonia.Node, error) { return gorgonia.HadamardProd(miss, miss) })
	terms := b.try("weigh the rows", func() (*gorgonia.Node, error) { return gorgonia.HadamardProd(square, weights) })
	return b.try("sum the loss", func() (*gorgonia.Node, error) { return gorgonia.Sum(terms) })
}

// derive appends the gradients of the loss.
func (b *builder) derive(n *network, loss *gorgonia.Node) {
	if b.err != nil {
		return
	}
	var err error
	if n.grads, err = gorgonia.Grad(loss, n.nodes...); err != nil {
		b.err = fmt.Errorf("derive the loss: %w", err)
	}
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
