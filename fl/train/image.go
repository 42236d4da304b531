package train

import "fmt"

// Maps of images stand in matrices: a row for each place of each image, image by
// image and line by line, a column for each map. A convolution is then a matrix
// product over the patches around each place, so that weights, biases and their
// gradients are computed as those of dense layers are.

// rowwise is a step between two matrices that the matrix products are between.
type rowwise interface {
	shape() (rows, columns int)          // of the result
	forward(to, from []float32)          // sets every number of to
	backward(to, from, result []float32) // sets every number of to: the gradient by from, result being that by the step's result
	String() string                      // tells steps apart
}

// patches gives for each place of a map the numbers of the square whose middle
// it is, map by map, line by line, as PyTorch's weights of a convolution have
// them. Without a margin places at the edge have no square and fall away.
type patches struct{ images, side, maps, kernel, margin int }

func (p patches) String() string {
	return fmt.Sprintf("patches of %d×%d with a margin of %d from %d maps of %d×%d in %d images",
		p.kernel, p.kernel, p.margin, p.maps, p.side, p.side, p.images)
}

func (p patches) out() int { return p.side + 2*p.margin - p.kernel + 1 }

func (p patches) shape() (rows, columns int) {
	return p.images * p.out() * p.out(), p.maps * p.kernel * p.kernel
}

// each calls visit with the index of each number of the result and of where it
// comes from, -1 in the margin.
func (p patches) each(visit func(result, from int)) {
	i, out := 0, p.out()
	for image := range p.images {
		base := image * p.side * p.side
		for y := range out {
			for x := range out {
				for m := range p.maps {
					for ky := range p.kernel {
						fy := y + ky - p.margin
						for kx := range p.kernel {
							fx, from := x+kx-p.margin, -1
							if fy >= 0 && fy < p.side && fx >= 0 && fx < p.side {
								from = (base+fy*p.side+fx)*p.maps + m
							}
							visit(i, from)
							i++
						}
					}
				}
			}
		}
	}
}

func (p patches) forward(to, from []float32) {
	p.each(func(result, at int) {
		if at < 0 {
			to[result] = 0
		} else {
			to[result] = from[at]
		}
	})
}

func (p patches) backward(to, _, result []float32) {
	clear(to)
	p.each(func(i, at int) {
		if at >= 0 {
			to[at] += result[i]
		}
	})
}

// pool gives the largest number of each square of 2×2 places, the first of
// equals. Flat it gives a row for each image, map by map as PyTorch flattens.
type pool struct {
	images, side, maps int
	flat               bool
}

func (p pool) String() string {
	return fmt.Sprintf("largest of 2×2 from %d maps of %d×%d in %d images, flat: %t", p.maps, p.side, p.side, p.images, p.flat)
}

func (p pool) shape() (rows, columns int) {
	half := p.side / 2
	if p.flat {
		return p.images, p.maps * half * half
	}
	return p.images * half * half, p.maps
}

// each calls visit with the index of each number of the result and of the one
// that it is, which NaN never is unless it comes first.
func (p pool) each(from []float32, visit func(result, from int)) {
	half := p.side / 2
	for image := range p.images {
		for y := range half {
			for x := range half {
				corner := ((image*p.side+2*y)*p.side + 2*x) * p.maps
				for m := range p.maps {
					best := corner + m
					for _, other := range [...]int{best + p.maps, best + p.side*p.maps, best + (p.side+1)*p.maps} {
						if from[other] > from[best] {
							best = other
						}
					}
					result := ((image*half+y)*half+x)*p.maps + m
					if p.flat {
						result = ((image*p.maps+m)*half+y)*half + x
					}
					visit(result, best)
				}
			}
		}
	}
}

func (p pool) forward(to, from []float32) {
	p.each(from, func(result, at int) { to[result] = from[at] })
}

func (p pool) backward(to, from, result []float32) {
	clear(to)
	p.each(from, func(i, at int) { to[at] = result[i] })
}
