package train

// sgd is stochastic gradient descent with momentum, written as PyTorch's
// torch.optim.SGD so that peers in either framework take the same steps. All
// slices are in layout order.
type sgd struct {
	rate, momentum, proximal float32
	velocity                 [][]float32
	correction               [][]float32 // added to every gradient; nil for none
}

func newSGD(spec Spec, values [][]float32) *sgd {
	o := &sgd{
		rate:     float32(spec.LearningRate),
		momentum: float32(spec.Momentum),
		proximal: float32(spec.ProximalMu),
		velocity: make([][]float32, len(values)),
	}
	for i, v := range values {
		o.velocity[i] = make([]float32, len(v))
	}
	return o
}

// reset forgets the steps so far: a round begins from rest.
func (o *sgd) reset() {
	for _, v := range o.velocity {
		clear(v)
	}
}

// step moves values[i] against grad, pulled towards start, the values with
// which the round began, where the spec has a proximal term.
func (o *sgd) step(i int, values, grad, start []float32) {
	velocity := o.velocity[i][:len(values)]
	grad = grad[:len(values)]
	if o.correction != nil {
		correction := o.correction[i][:len(values)]
		for j := range values {
			velocity[j] = o.momentum*velocity[j] + grad[j] + correction[j]
			values[j] -= o.rate * velocity[j]
		}
		return
	}
	if o.proximal == 0 {
		for j := range values {
			velocity[j] = o.momentum*velocity[j] + grad[j]
			values[j] -= o.rate * velocity[j]
		}
		return
	}
	start = start[:len(values)]
	for j := range values {
		velocity[j] = o.momentum*velocity[j] + grad[j] + o.proximal*(values[j]-start[j])
		values[j] -= o.rate * velocity[j]
	}
}
