package tensor_test

import (
	"bytes"
	"fmt"

	"github.com/librum/librum/aggregator/tensor"
)

func Example() {
	layout, err := tensor.NewLayout([]tensor.Tensor{
		{Name: "weight", DType: tensor.F32, Shape: []int64{2}},
		{Name: "bias", DType: tensor.F32, Shape: []int64{1}},
	}, tensor.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var file bytes.Buffer
	w, err := tensor.NewWriter(&file, layout)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The data follows in the order of layout.Tensors: bias, then weight.
	if _, err := w.Write(tensor.AppendFloat32(nil, []float32{0.5, 1, 2})); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(w.Close())

	_, err = tensor.ReadLayout(bytes.NewReader(file.Bytes()), int64(file.Len()-1), tensor.Limits{})
	fmt.Println(err)
	// Output:
	// <nil>
	// safetensors: cover: the tensors take 12 bytes, the file has 11 behind its header
}
