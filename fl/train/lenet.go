package train

import (
	"math"

	"gorgonia.org/gorgonia"
)

// LeNet-5 (LeCun et al. 1998, "Gradient-Based Learning Applied to Document
// Recognition", §II.B) in the form that is usual today: rectifiers instead of
// scaled tangents, the largest of each 2×2 square instead of trained means,
// every map of the second convolution connected to all of the first, and logits
// into a softmax instead of radial basis functions. Images of 28×28 get a margin
// of two zeros, as the paper's of 32×32 have one of background. 61,706
// parameters for ten classes.
const (
	leNetKernel = 5
	leNetMaps0  = 6
	leNetMaps1  = 16
	leNetSide   = 28 // of the maps of the first convolution
)

func leNet5Convolutions() []Param {
	return append(
		zero("conv0", leNetMaps0, 1, leNetKernel, leNetKernel),
		zero("conv1", leNetMaps1, leNetMaps0, leNetKernel, leNetKernel)...)
}

// leNet5Dense are the sizes of the layers behind the convolutions.
func leNet5Dense(classes int) []int { return []int{leNetMaps1 * 5 * 5, 120, 84, classes} }

// leNet5 appends what turns images into the rows of the first dense layer.
func (b *builder) leNet5(n *network, x *gorgonia.Node, pixels int) *gorgonia.Node {
	side := int(math.Round(math.Sqrt(float64(pixels))))
	first := patches{images: n.rows, side: side, maps: 1, kernel: leNetKernel, margin: (leNetSide - side + leNetKernel - 1) / 2}
	x = b.apply(first, x)
	x = b.rectify(b.layer(n, x, 0, leNetKernel*leNetKernel, leNetMaps0))
	x = b.apply(pool{images: n.rows, side: leNetSide, maps: leNetMaps0}, x)
	x = b.apply(patches{images: n.rows, side: leNetSide / 2, maps: leNetMaps0, kernel: leNetKernel}, x)
	x = b.rectify(b.layer(n, x, 1, leNetMaps0*leNetKernel*leNetKernel, leNetMaps1))
	return b.apply(pool{images: n.rows, side: 10, maps: leNetMaps1, flat: true}, x)
}
