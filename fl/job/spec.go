package job

import (
	"math"

	"github.com/librum/librum/aggregator/strategy"
)

// Spec says what a job trains, with whom and for how long. Its fields carry
// the names that users of Flower and NVFlare know. All of them are written to
// the ledger, defaults included, so that a later change of a default changes
// no job that runs. Whole numbers are signed so that a negative one is
// reported with its range instead of as a type error.
type Spec struct {
	NumRounds         int64      `cbor:"num_rounds" json:"num_rounds" yaml:"num_rounds"`
	FractionTrain     float64    `cbor:"fraction_train" json:"fraction_train" yaml:"fraction_train"`
	OverSelection     float64    `cbor:"over_selection,omitzero" json:"over_selection,omitzero" yaml:"over_selection,omitempty"`
	FractionEvaluate  float64    `cbor:"fraction_evaluate,omitzero" json:"fraction_evaluate,omitzero" yaml:"fraction_evaluate,omitempty"`
	MinTrainPeers     int64      `cbor:"min_train_peers" json:"min_train_peers" yaml:"min_train_peers"`
	MinAvailablePeers int64      `cbor:"min_available_peers" json:"min_available_peers" yaml:"min_available_peers"`
	Model             Model      `cbor:"model" json:"model" yaml:"model"`
	Seed              uint64     `cbor:"seed" json:"seed" yaml:"seed"`
	Strategy          Strategy   `cbor:"strategy" json:"strategy" yaml:"strategy"`
	Train             Train      `cbor:"train" json:"train" yaml:"train"`
	InitialModel      string     `cbor:"initial_model,omitempty" json:"initial_model,omitempty" yaml:"initial_model,omitempty"`
	EarlyStop         EarlyStop  `cbor:"early_stop,omitzero" json:"early_stop,omitzero" yaml:"early_stop,omitempty"`
	Parameters        Parameters `cbor:"parameters,omitzero" json:"parameters,omitzero" yaml:"parameters,omitempty"`
	UpdateType        string     `cbor:"update_type" json:"update_type" yaml:"update_type"`
	RoundTimeoutS     int64      `cbor:"round_timeout_s" json:"round_timeout_s" yaml:"round_timeout_s"`
	WaitAfterMinS     int64      `cbor:"wait_after_min_s" json:"wait_after_min_s" yaml:"wait_after_min_s"`
	WaitForPeersS     int64      `cbor:"wait_for_peers_s" json:"wait_for_peers_s" yaml:"wait_for_peers_s"`
	AttestTimeoutS    int64      `cbor:"attest_timeout_s" json:"attest_timeout_s" yaml:"attest_timeout_s"`
	MaxTerms          int64      `cbor:"max_terms" json:"max_terms" yaml:"max_terms"`
	MaxNumExamples    int64      `cbor:"max_num_examples" json:"max_num_examples" yaml:"max_num_examples"`
}

// EarlyStop ends a job once a metric no longer gets better; without a metric it
// does not. The metric is the mean that a coordinator claims of what the peers
// claim, so whoever coordinates a round can end the job.
type EarlyStop struct {
	Metric   string `cbor:"metric" json:"metric" yaml:"metric"`
	Patience int64  `cbor:"patience" json:"patience" yaml:"patience"` // rounds without a better value
	Mode     string `cbor:"mode" json:"mode" yaml:"mode"`             // whether larger or smaller is better
}

// Better reports whether a value is better than another.
func (e EarlyStop) Better(value, than float64) bool {
	if e.Mode == ModeMin {
		return value < than
	}
	return value > than
}

// Model names a built-in model. The initial weights are a pure function of
// model and seed, so that every node can derive their digest, unless the spec
// names an initial model.
type Model struct {
	Name   string  `cbor:"name" json:"name" yaml:"name"`
	Layers []int64 `cbor:"layers" json:"layers" yaml:"layers,flow"` // sizes from features to classes
}

// Train says how a peer trains in a round.
type Train struct {
	LocalEpochs  int64   `cbor:"local_epochs" json:"local_epochs" yaml:"local_epochs"`
	BatchSize    int64   `cbor:"batch_size" json:"batch_size" yaml:"batch_size"`
	LearningRate float64 `cbor:"learning_rate" json:"learning_rate" yaml:"learning_rate"`
	Momentum     float64 `cbor:"momentum" json:"momentum" yaml:"momentum"`
	ProximalMu   float64 `cbor:"proximal_mu" json:"proximal_mu" yaml:"proximal_mu"`
	Augment      Augment `cbor:"augment" json:"augment" yaml:"augment"`
}

// Augment says how the rows are varied each time they are visited in training;
// zero values change nothing.
type Augment struct {
	Noise      float64 `cbor:"noise" json:"noise" yaml:"noise"`                // standard deviation of normal noise on each feature
	Jitter     float64 `cbor:"jitter" json:"jitter" yaml:"jitter"`             // pixels by which an image moves along each axis
	Width      int64   `cbor:"width" json:"width" yaml:"width"`                // pixels in a line of the image
	Background float64 `cbor:"background" json:"background" yaml:"background"` // what moves in from outside the image
}

// The values of fields that choose from a list.
const (
	ModelMLP      = "mlp"      // multi-layer perceptron: ReLU between layers, softmax after the last
	ModelLogistic = "logistic" // multinomial logistic regression: a perceptron of two sizes, [features, classes]
	ModelLinear   = "linear"   // linear regression by least squares: [features, 1]
	ModelLeNet5   = "lenet5"   // LeCun et al. 1998, in the form of fl/train: [784 or 1024, classes], square images of one channel
	UpdateFull    = "full"     // an update is the trained model, as far as it is shared
	ModeMin       = "min"      // the smaller the better
	ModeMax       = "max"
)

// Bounds of a spec. Those of model and training are the trainer's.
const (
	MaxRounds        = 100_000
	MaxPeers         = 2_000 // a cohort stands in one transaction of 64 KiB
	MaxLayers        = 16
	MaxWidth         = 1 << 16
	MaxParameters    = 1 << 26 // weights and biases: 256 MiB of float32
	MaxActivations   = 1 << 26 // batch size times widest layer
	MaxLocalEpochs   = 1_000
	MaxBatchSize     = 1 << 14
	MaxLearningRate  = 100.0
	MaxProximalMu    = 1_000.0
	MaxNoise         = 1_000.0
	MaxBackground    = math.MaxFloat32
	MaxOverSelection = 4.0
	MaxExamples      = 1<<29 - 1 // products with float32 stay exact in float64
	MaxSeed          = 1<<53 - 1 // what every reader of JSON keeps exact
	MaxSeconds       = 30 * 24 * 3600
	MaxTermsLost     = 100 // each stands in the round's row
	MaxPatterns      = 64  // of tensors
	MaxPattern       = 128 // bytes of one
)

// Defaults returns the spec that a job starts from. It has no layers: those
// depend on the data, and a job must give them. A job that leaves out
// min_available_peers waits for min_train_peers.
func Defaults() Spec {
	return Spec{
		NumRounds:         20,
		FractionTrain:     1,
		MinTrainPeers:     2,
		MinAvailablePeers: 2,
		Model:             Model{Name: ModelMLP},
		Strategy:          Strategy{Name: strategy.FedAvg},
		Train:             Train{LocalEpochs: 1, BatchSize: 32, LearningRate: 0.1, Momentum: 0.9},
		UpdateType:        UpdateFull,
		RoundTimeoutS:     600,
		WaitAfterMinS:     10,
		WaitForPeersS:     3600,
		AttestTimeoutS:    60,
		MaxTerms:          5,
		MaxNumExamples:    10_000_000,
	}
}
