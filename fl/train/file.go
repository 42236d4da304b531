package train

import (
	"bytes"
	"fmt"
	"io"

	"github.com/librum/librum/aggregator/tensor"
)

// FileLayout returns the layout of spec's model as a canonical safetensors
// file, all float32.
func FileLayout(spec Spec) (tensor.Layout, error) {
	if err := spec.Validate(); err != nil {
		return tensor.Layout{}, err
	}
	return fileLayout(layout(spec))
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

// EncodeFile returns the canonical safetensors file of a model.
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

// DecodeFile reads a safetensors file of the given size as the parameters of
// spec's model, in layout order. A file that is malformed or holds another
// model gives a [tensor.Error].
func DecodeFile(r io.ReaderAt, size int64, spec Spec) ([]Param, error) {
	want, err := FileLayout(spec)
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
	params := layout(spec)
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
