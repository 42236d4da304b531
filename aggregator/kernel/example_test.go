package kernel_test

import (
	"fmt"

	"github.com/librum/librum/aggregator/kernel"
)

func Example() {
	tile := kernel.NewTile(4) // one float32
	copy(tile, []byte{0, 0, 0x80, 0x3f})
	kernel.ToHost(tile, 4)

	acc := make([]float64, 1)
	kernel.F32{}.Add(acc, tile, 3) // 1 with weight 3
	kernel.F32{}.Mean(tile, acc, 4)
	mean := make([]float64, 1)
	kernel.F32{}.Widen(mean, tile)
	fmt.Println(mean)
	// Output: [0.75]
}
