package train

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/job"
)

// ErrInvalid is wrapped by every error about a Spec, parameters or a data set
// that Train or Evaluate cannot use. The caller has to change its input; trying
// again does not help.
var ErrInvalid = errors.New("invalid input for training")

// Bounds of a Spec. They keep one request from taking the machine, not the
// model from being good.
const (
	MaxLayers      = 16      // sizes in Spec.Layers
	MaxWidth       = 1 << 16 // units of one layer
	MaxParameters  = 1 << 26 // weights and biases: 256 MiB of float32
	MaxLocalEpochs = 1_000
	MaxBatchSize   = 1 << 14
	// MaxActivations bounds batch size × widest layer: 256 MiB of float32.
	MaxActivations  = 1 << 26
	MaxLearningRate = 100.0
	MaxProximalMu   = 1_000.0
)

// Spec describes a model and how a peer trains it in a round. Its fields carry
// the names of the job's `train` block.
type Spec struct {
	// Model is one of the job's models: [job.ModelMLP], which the empty name
	// means too, [job.ModelLogistic], [job.ModelLinear] or [job.ModelLeNet5].
	Model string
	// Layers are the sizes from the features to the classes, such as
	// 64, 200, 200, 10: between them ReLU, after the last softmax, but for
	// linear regression, which ends in one number. LeNet-5 has its own layers
	// between pixels and classes. 2 to MaxLayers sizes of 1 to MaxWidth.
	Layers []int
	// LocalEpochs is how often a round goes through the rows: 0, which only
	// evaluates, to MaxLocalEpochs.
	LocalEpochs int
	// BatchSize is the number of rows in a step, 1 to MaxBatchSize. The last
	// batch of an epoch holds what is left, and counts as a mean over that.
	BatchSize int
	// LearningRate of SGD: above 0, at most MaxLearningRate.
	LearningRate float64
	// Momentum of SGD as PyTorch has it, v = Momentum·v + g, w -= LearningRate·v,
	// from v = 0 in each round: 0 up to but not 1.
	Momentum float64
	// ProximalMu adds ProximalMu/2·‖w - w₀‖² to the loss, w₀ being the model the
	// round began with (FedProx, Li et al. 2020, arXiv:1812.06127): 0, which is
	// FedAvg, to MaxProximalMu.
	ProximalMu float64
	// Augment changes the rows each time they are visited in training.
	Augment Augment
	// Parameters say which tensors are in files of the model; all are trained.
	Parameters job.Parameters
	// Seed of the initial model, of the order in which rows are visited and of
	// their augmentation.
	Seed uint64
}

// DigitsSpec returns the defaults for the embedded digits. The search for them
// ranked settings on the last 360 rows of the pool and looked at the held-out
// rows too, so what TestDigitsAccuracy measures there is a target that is held,
// not an unbiased estimate. Seed is left at 0 for the caller.
func DigitsSpec() Spec {
	return Spec{
		Layers:       []int{data.DigitsColumns, 200, data.DigitsClasses},
		LocalEpochs:  8,
		BatchSize:    8,
		LearningRate: 0.12,
		Momentum:     0.5,
		Augment:      Augment{Noise: 0.3, Jitter: 0.5, Width: data.DigitsWidth, Background: data.DigitsBlank},
	}
}

// Validate reports every field of s that is out of bounds, wrapping ErrInvalid.
func (s Spec) Validate() error {
	problems := s.layerProblems()
	if s.LocalEpochs < 0 || s.LocalEpochs > MaxLocalEpochs {
		problems = append(problems, fmt.Errorf("local_epochs is %d: must be 0 to %d", s.LocalEpochs, MaxLocalEpochs))
	}
	if s.BatchSize < 1 || s.BatchSize > MaxBatchSize {
		problems = append(problems, fmt.Errorf("batch_size is %d: must be 1 to %d", s.BatchSize, MaxBatchSize))
	}
	// The conditions are written so that NaN fails them.
	if !(s.LearningRate > 0 && s.LearningRate <= MaxLearningRate) {
		problems = append(problems, fmt.Errorf("learning_rate is %v: must be above 0, at most %v", s.LearningRate, MaxLearningRate))
	}
	if !(s.Momentum >= 0 && s.Momentum < 1) {
		problems = append(problems, fmt.Errorf("momentum is %v: must be at least 0 and below 1", s.Momentum))
	}
	if !(s.ProximalMu >= 0 && s.ProximalMu <= MaxProximalMu) {
		problems = append(problems, fmt.Errorf("proximal_mu is %v: must be 0 to %v", s.ProximalMu, MaxProximalMu))
	}
	problems = append(problems, s.augmentProblems()...)
	if len(problems) == 0 && !slices.ContainsFunc(s.model().Tensors(), s.Parameters.Shares) {
		problems = append(problems, errors.New("parameters leave no tensor to share"))
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("check the training spec: %w: %w", ErrInvalid, errors.Join(problems...))
}

func (s Spec) layerProblems() []error {
	if len(s.Layers) < 2 || len(s.Layers) > MaxLayers {
		return []error{fmt.Errorf("layers has %d sizes: must be 2 to %d", len(s.Layers), MaxLayers)}
	}
	var problems []error
	for i, width := range s.Layers {
		if width < 1 || width > MaxWidth {
			problems = append(problems, fmt.Errorf("layers[%d] is %d: must be 1 to %d", i, width, MaxWidth))
		}
	}
	model := s.model()
	if !slices.Contains(job.Models(), model.Name) {
		problems = append(problems, fmt.Errorf("model is %.40q: must be one of %v", model.Name, job.Models()))
	}
	if len(problems) > 0 {
		return problems // the products below could overflow
	}
	if allowed := model.WrongShape(); allowed != "" {
		return []error{fmt.Errorf("layers are %v: must be %s for the model %s", s.Layers, allowed, model.Name)}
	}
	if n := model.Parameters(); n > MaxParameters {
		problems = append(problems, fmt.Errorf("layers have %d parameters: must be at most %d", n, MaxParameters))
	}
	if widest := int(model.Width()); s.BatchSize > 0 && s.BatchSize <= MaxBatchSize && widest > MaxActivations/s.BatchSize {
		problems = append(problems, fmt.Errorf("batch_size %d times the widest layer, %d: must be at most %d",
			s.BatchSize, widest, MaxActivations))
	}
	return problems
}

// model returns the model as a job has it.
func (s Spec) model() job.Model {
	m := job.Model{Name: cmp.Or(s.Model, job.ModelMLP)}
	for _, n := range s.Layers {
		m.Layers = append(m.Layers, int64(n))
	}
	return m
}

// clone returns s with slices of its own.
func (s Spec) clone() Spec {
	s.Layers = slices.Clone(s.Layers)
	s.Parameters.Share, s.Parameters.KeepLocal = slices.Clone(s.Parameters.Share), slices.Clone(s.Parameters.KeepLocal)
	return s
}

// outputs returns how many numbers the model gives for a row: a logit a class,
// or one number.
func (s Spec) outputs() int { return s.Layers[len(s.Layers)-1] }

// regression reports whether the model finds a number instead of a class.
func (s Spec) regression() bool { return s.model().Regression() }

// glorotBound is the half width of the uniform distribution of initial weights
// (Glorot and Bengio 2010, eq. 16).
func glorotBound(in, out int) float64 { return math.Sqrt(6 / float64(in+out)) }
