package train

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/librum/librum/fl/job"
)

func TestSpecValidate(t *testing.T) {
	t.Parallel()
	if err := DigitsSpec().Validate(); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		change func(*Spec)
		want   string
	}{
		"no layers":              {func(s *Spec) { s.Layers = nil }, "layers has 0 sizes: must be 2 to 16"},
		"one layer":              {func(s *Spec) { s.Layers = []int{64} }, "layers has 1 sizes"},
		"too many layers":        {func(s *Spec) { s.Layers = make([]int, MaxLayers+1) }, "layers has 17 sizes"},
		"an empty layer":         {func(s *Spec) { s.Layers = []int{64, 0, 10} }, "layers[1] is 0"},
		"a layer too wide":       {func(s *Spec) { s.Layers = []int{math.MaxInt, 10} }, "layers[0] is"},
		"one class":              {func(s *Spec) { s.Layers = []int{64, 1} }, "at least 2"},
		"no such model":          {func(s *Spec) { s.Model = "transformer" }, "model is \"transformer\": must be one of"},
		"a deep logistic":        {func(s *Spec) { s.Model, s.Layers = job.ModelLogistic, []int{64, 8, 10} }, "two sizes"},
		"two numbers to find":    {func(s *Spec) { s.Model, s.Layers = job.ModelLinear, []int{64, 2} }, "features and 1"},
		"images of 27×27":        {func(s *Spec) { s.Model, s.Layers = job.ModelLeNet5, []int{27 * 27, 10} }, "784 or 1024 pixels"},
		"a batch of images":      {func(s *Spec) { s.Model, s.Layers, s.BatchSize = job.ModelLeNet5, []int{784, 10}, 4096 }, "batch_size 4096 times the widest layer, 19600"},
		"too many parameters":    {func(s *Spec) { s.Layers = []int{MaxWidth, MaxWidth} }, "parameters: must be at most"},
		"too many activations":   {func(s *Spec) { s.Layers, s.BatchSize = []int{MaxWidth, 10}, MaxBatchSize }, "batch_size 16384 times the widest layer"},
		"epochs below none":      {func(s *Spec) { s.LocalEpochs = -1 }, "local_epochs is -1: must be 0 to 1000"},
		"too many epochs":        {func(s *Spec) { s.LocalEpochs = MaxLocalEpochs + 1 }, "local_epochs is 1001"},
		"no batch":               {func(s *Spec) { s.BatchSize = -1 }, "batch_size is -1"},
		"batch too large":        {func(s *Spec) { s.BatchSize = math.MaxInt }, "batch_size is"},
		"no learning rate":       {func(s *Spec) { s.LearningRate = 0 }, "learning_rate is 0: must be above 0"},
		"learning rate NaN":      {func(s *Spec) { s.LearningRate = math.NaN() }, "learning_rate is NaN"},
		"learning rate infinite": {func(s *Spec) { s.LearningRate = math.Inf(1) }, "learning_rate is +Inf"},
		"momentum one":           {func(s *Spec) { s.Momentum = 1 }, "momentum is 1: must be at least 0 and below 1"},
		"momentum negative":      {func(s *Spec) { s.Momentum = -0.1 }, "momentum is -0.1"},
		"momentum NaN":           {func(s *Spec) { s.Momentum = math.NaN() }, "momentum is NaN"},
		"proximal negative":      {func(s *Spec) { s.ProximalMu = -1 }, "proximal_mu is -1"},
		"proximal too large":     {func(s *Spec) { s.ProximalMu = 2 * MaxProximalMu }, "proximal_mu is 2000"},
		"noise negative":         {func(s *Spec) { s.Augment.Noise = -1 }, "augment.noise is -1"},
		"noise NaN":              {func(s *Spec) { s.Augment.Noise = math.NaN() }, "augment.noise is NaN"},
		"jitter too far":         {func(s *Spec) { s.Augment.Jitter = 1.5 }, "augment.jitter is 1.5: must be 0 to 1"},
		"no width":               {func(s *Spec) { s.Augment.Width = 0 }, "augment.width is 0"},
		"width does not divide":  {func(s *Spec) { s.Augment.Width = 7 }, "augment.width is 7: must divide"},
		"background infinite":    {func(s *Spec) { s.Augment.Background = math.Inf(1) }, "augment.background is +Inf"},
	}
	for name, c := range cases {
		spec := DigitsSpec()
		c.change(&spec)
		err := spec.Validate()
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrInvalid and %q", name, err, c.want)
		}
		if _, err := New(spec); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: New gives %v, want ErrInvalid", name, err)
		}
		if _, err := InitialModel(spec); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: InitialModel gives %v, want ErrInvalid", name, err)
		}
	}
}

func TestSpecValidateNamesAllProblems(t *testing.T) {
	t.Parallel()
	err := Spec{LocalEpochs: -1}.Validate()
	for _, field := range []string{"layers", "local_epochs", "batch_size", "learning_rate"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

func TestTrainerKeepsItsOwnSpec(t *testing.T) {
	t.Parallel()
	spec := DigitsSpec()
	tr := trainer(t, spec)
	spec.Layers[0] = 1
	tr.Spec().Layers[0] = 2
	if got := tr.Spec().Layers[0]; got != 64 {
		t.Errorf("the trainer's first layer became %d", got)
	}
}
