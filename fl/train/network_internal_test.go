package train

import (
	"sync"
	"testing"
)

// TestNetworksAtOnce builds graphs side by side, as the peers of one process do;
// the race detector looks on.
func TestNetworksAtOnce(t *testing.T) {
	t.Parallel()
	spec := Spec{Layers: []int{4, 3, 3, 2}}
	var building sync.WaitGroup
	for range 8 {
		building.Go(func() {
			values := make([][]float32, 0, 2*(len(spec.Layers)-1))
			for i, in := range spec.Layers[:len(spec.Layers)-1] {
				out := spec.Layers[i+1]
				values = append(values, make([]float32, in*out), make([]float32, out))
			}
			if _, err := newNetwork(spec, 2, true, values); err != nil {
				t.Error(err)
			}
		})
	}
	building.Wait()
}
