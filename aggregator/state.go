package aggregator

import (
	"io"

	"github.com/librum/librum/aggregator/tensor"
)

// Source is a file that is read beside the updates.
type Source struct {
	File io.ReaderAt // read concurrently
	Size int64       // bytes
}

// Names inside files that hold more than the model.
const (
	// ControlPrefix is put before a float tensor's name for the control variate
	// that an update carries beside it (SCAFFOLD).
	ControlPrefix = "scaffold/"
	// serverPrefix is put before a float tensor's name for what the server
	// remembers of it; all such names sort behind normName.
	serverPrefix = "server/"
	normName     = "clip/norm" // the clipping norm that the next round begins with
)

// ControlLayout returns the layout of updates that carry control variates: the
// model's tensors and, for each of floats, one more of the same type and shape.
func ControlLayout(model tensor.Layout) (tensor.Layout, error) {
	tensors := model.Tensors()
	all := append([]tensor.Tensor{}, tensors...)
	for _, t := range tensors {
		if t.DType.Float() {
			t.Name = ControlPrefix + t.Name
			all = append(all, t)
		}
	}
	return tensor.NewLayout(all, tensor.Limits{})
}

// StateLayout returns the layout of a server's state: slots numbers of float64
// a coordinate of the model's float tensors, interleaved, so that model and
// state are written in one pass; and the clipping norm, where there is one.
func StateLayout(model tensor.Layout, slots int, norm bool) (tensor.Layout, error) {
	var all []tensor.Tensor
	if norm {
		all = append(all, tensor.Tensor{Name: normName, DType: tensor.F64})
	}
	for _, t := range model.Tensors() {
		if slots > 0 && t.DType.Float() {
			shape := append(append([]int64{}, t.Shape...), int64(slots))
			all = append(all, tensor.Tensor{Name: serverPrefix + t.Name, DType: tensor.F64, Shape: shape})
		}
	}
	return tensor.NewLayout(all, stateLimits())
}

// StateName returns the name in a state of what the server remembers of one of
// the model's tensors.
func StateName(tensor string) string { return serverPrefix + tensor }

// stateLimits leave room for what a state's names and shapes have more than the
// model's.
func stateLimits() tensor.Limits {
	return tensor.Limits{NameBytes: tensor.DefaultNameBytes + len(serverPrefix), Rank: tensor.DefaultRank + 1}
}

// locate returns where in a state of the given layout each tensor lies.
func (s Source) locate(layout tensor.Layout) ([]int64, error) {
	limits := stateLimits()
	limits.HeaderBytes = headerLimit(layout).HeaderBytes
	return locate(layout, Update{File: s.File, Size: s.Size}, limits)
}
