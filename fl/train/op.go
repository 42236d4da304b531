package train

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// apply appends a step of our own to a graph. gorgonia's own Conv2d and
// MaxPool2D keep maps in another order, which costs transpositions, and its
// pooling panics on numbers that are none, which a diverged model has.
func (b *builder) apply(step rowwise, x *gorgonia.Node) *gorgonia.Node {
	return b.try(step.String(), func() (*gorgonia.Node, error) { return gorgonia.ApplyOp(&forwardOp{op{step}}, x) })
}

// op is what both directions of a step are to gorgonia.
type op struct{ step rowwise }

func (o op) Type() hm.Type         { return matrices(1) }
func (o op) ReturnsPtr() bool      { return false }
func (o op) CallsExtern() bool     { return false }
func (o op) OverwritesInput() int  { return -1 }
func (o op) String() string        { return o.step.String() }
func (o op) WriteHash(h hash.Hash) { _, _ = h.Write([]byte(o.String())) } // a hash keeps no errors

// matrices is the type of a function of n matrices that gives one.
func matrices(n int) hm.Type {
	m := gorgonia.TensorType{Dims: 2, Of: tensor.Float32}
	types := make([]hm.Type, n+1)
	for i := range types {
		types[i] = m
	}
	return hm.NewFnType(types...)
}

func hashcode(o gorgonia.Op) uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// forwardOp is a step.
type forwardOp struct{ op }

func (o *forwardOp) Arity() int       { return 1 }
func (o *forwardOp) Hashcode() uint32 { return hashcode(o) }

func (o *forwardOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	rows, columns := o.step.shape()
	return tensor.Shape{rows, columns}, nil
}

func (o *forwardOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	rows, columns := o.step.shape()
	return o.UsePreallocDo(tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(rows, columns)), in...)
}

// UsePreallocDo implements [gorgonia.UsePreallocDoer].
func (o *forwardOp) UsePreallocDo(to gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	values, err := numbers(append([]gorgonia.Value{to}, in...))
	if err != nil {
		return nil, err
	}
	o.step.forward(values[0], values[1])
	return to, nil
}

// DiffWRT implements [gorgonia.SDOp].
func (o *forwardOp) DiffWRT(int) []bool { return []bool{true} }

// SymDiff implements [gorgonia.SDOp].
func (o *forwardOp) SymDiff(in gorgonia.Nodes, _, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	node, err := gorgonia.ApplyOp(&backwardOp{op: o.op, of: in[0].Shape()}, in[0], grad)
	if err != nil {
		return nil, err
	}
	return gorgonia.Nodes{node}, nil
}

// backwardOp is the gradient of a step: of what went in and of the gradient by
// what came out.
type backwardOp struct {
	op

	of tensor.Shape
}

func (o *backwardOp) Arity() int            { return 2 }
func (o *backwardOp) Type() hm.Type         { return matrices(2) }
func (o *backwardOp) String() string        { return "gradient of " + o.op.String() }
func (o *backwardOp) WriteHash(h hash.Hash) { _, _ = h.Write([]byte(o.String())) }
func (o *backwardOp) Hashcode() uint32      { return hashcode(o) }

func (o *backwardOp) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return o.of.Clone(), nil
}

func (o *backwardOp) Do(in ...gorgonia.Value) (gorgonia.Value, error) {
	return o.UsePreallocDo(tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(o.of...)), in...)
}

// UsePreallocDo implements [gorgonia.UsePreallocDoer].
func (o *backwardOp) UsePreallocDo(to gorgonia.Value, in ...gorgonia.Value) (gorgonia.Value, error) {
	values, err := numbers(append([]gorgonia.Value{to}, in...))
	if err != nil {
		return nil, err
	}
	o.step.backward(values[0], values[1], values[2])
	return to, nil
}

// numbers returns the memory of values.
func numbers(values []gorgonia.Value) ([][]float32, error) {
	all := make([][]float32, len(values))
	for i, v := range values {
		data, ok := v.Data().([]float32)
		if !ok {
			return nil, fmt.Errorf("a matrix holds %T instead of float32 numbers", v.Data())
		}
		all[i] = data
	}
	return all, nil
}
