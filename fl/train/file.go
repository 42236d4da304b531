package train

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/librum/librum/aggregator/tensor"
)

// FileLayout returns the layout of the shared tensors of spec's model as a
// canonical safetensors file, all float32.
func FileLayout(spec Spec) (tensor.Layout, error) {
	if err := spec.Validate(); err != nil {
		return tensor.Layout{}, err
	}
	return fileLayout(spec.Shared(layout(spec)))
}

// Shared returns those of the parameters that are in files of the model.
func (s Spec) Shared(params []Param) []Param {
	return slices.DeleteFunc(slices.Clone(params), func(p Param) bool { return !s.Parameters.Shares(p.Name) })
}

// Kept returns those of the parameters that stay with a peer.
func (s Spec) Kept(params []Param) []Param {
	return slices.DeleteFunc(slices.Clone(params), func(p Param) bool { return s.Parameters.Shares(p.Name) })
}

// Keeps reports whether any parameter stays with a peer.
func (s Spec) Keeps() bool {
	return slices.ContainsFunc(s.model().Tensors(), func(name string) bool { return !s.Parameters.Shares(name) })
}

// InitialFile returns the file of the shared tensors of the model that
// [InitialModel] draws.
func InitialFile(spec Spec) ([]byte, error) {
	params, err := InitialModel(spec)
	if err != nil {
		return nil, err
	}
	return EncodeFile(spec.Shared(params))
}

func fileLayout(params []Param) (tensor.Layout, error) {
	tensors := make([]tensor.Tensor, len(params))
	for i, p := range params {
		shape := make([]int64, len(p.Shape))
		for j, n := range p.Shape {
			shape[j] = int64(n)
		}
		tensors[i] = tensor.Tensor{Name: p.Name, DType: tensor.F32, Shape: shape}
	}
	return tensor.NewLayout(tensors, tensor.Limits{})
}

// EncodeFile returns the canonical safetensors file of parameters.
func EncodeFile(params []Param) ([]byte, error) {
	l, err := fileLayout(params)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	var b bytes.Buffer
	b.Grow(int(l.FileBytes()))
	w, err := tensor.NewWriter(&b, l)
	if err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	byName := make(map[string]Param, len(params))
	for _, p := range params {
		byName[p.Name] = p
	}
	for _, t := range l.Tensors() {
		if _, err := w.Write(tensor.AppendFloat32(nil, byName[t.Name].Values)); err != nil {
			return nil, fmt.Errorf("encode model: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode model: %w", err)
	}
	return b.Bytes(), nil
}

// DecodeFile reads a safetensors file of the given size as the shared tensors of
// spec's model, in layout order. A file that is malformed or holds another
// model gives a [tensor.Error].
func DecodeFile(r io.ReaderAt, size int64, spec Spec) ([]Param, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	return decode(r, size, spec.Shared(layout(spec)))
}

// DecodeKept is [DecodeFile] for a file of the tensors that stay with a peer.
func DecodeKept(r io.ReaderAt, size int64, spec Spec) ([]Param, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	return decode(r, size, spec.Kept(layout(spec)))
}

// decode reads a file into params, whose layout it must have.
func decode(r io.ReaderAt, size int64, params []Param) ([]Param, error) {
	want, err := fileLayout(params)
	if err != nil {
		return nil, err
	}
	have, err := tensor.ReadLayout(r, size, tensor.Limits{})
	if err != nil {
		return nil, fmt.Errorf("decode model: %w", err)
	}
	if err := have.Fits(want); err != nil {
		return nil, fmt.Errorf("decode model: %w", err)
	}
	for i, p := range params {
		at, _ := have.Find(p.Name) // Fits found it
		raw := make([]byte, 4*len(p.Values))
		if err := have.ReadAt(r, at, raw, 0); err != nil {
			return nil, fmt.Errorf("decode model: read %s: %w", p.Name, err)
		}
		tensor.Float32(params[i].Values, raw)
	}
	return params, nil
}
