package job

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/librum/librum/aggregator/strategy"
)

// fields is the table of job(1), over the places in s.
func (s *Spec) fields() []field {
	return append([]field{
		integer("num_rounds", &s.NumRounds, 1, MaxRounds, "Number of rounds."),
		real64("fraction_train", &s.FractionTrain, "a number above 0, at most 1",
			func(x float64) bool { return x > 0 && x <= 1 }, "Fraction of the roster whose updates a round wants, drawn anew for each round; 1 asks all."),
		real64("over_selection", &s.OverSelection, fmt.Sprintf("a number, 0 to %g", MaxOverSelection),
			func(x float64) bool { return x >= 0 && x <= MaxOverSelection },
			"By how much more peers are drawn than updates are wanted; the round closes once those are there (Bonawitz et al. 2019)."),
		real64("fraction_evaluate", &s.FractionEvaluate, "0 or 1",
			func(x float64) bool { return x == 0 || x == 1 }, "Fraction of the peers that measure the model a round begins with on rows they hold out, before they train."),
		integer("min_train_peers", &s.MinTrainPeers, 1, MaxPeers, "A round with fewer updates is void."),
		integer("min_available_peers", &s.MinAvailablePeers, 1, MaxPeers,
			"A round opens when that many peers are there; left out, min_train_peers."),
		choice("model.name", &s.Model.Name, "Built-in model.", Models()...),
		sizes("model.layers", &s.Model.Layers, "Sizes from the features to the classes."),
		seed("seed", &s.Seed, "Of the initial model and of the order of training."),
		integer("train.local_epochs", &s.Train.LocalEpochs, 0, MaxLocalEpochs, "How often a peer goes through its rows in a round; with 0 it evaluates and does not train."),
		integer("train.batch_size", &s.Train.BatchSize, 1, MaxBatchSize, "Rows in a step."),
		real64("train.learning_rate", &s.Train.LearningRate, fmt.Sprintf("a number above 0, at most %g", MaxLearningRate),
			func(x float64) bool { return x > 0 && x <= MaxLearningRate }, "Of SGD."),
		real64("train.momentum", &s.Train.Momentum, "a number from 0 up to but not 1",
			func(x float64) bool { return x >= 0 && x < 1 }, "Of SGD."),
		real64("train.proximal_mu", &s.Train.ProximalMu, fmt.Sprintf("a number, 0 to %g", MaxProximalMu),
			func(x float64) bool { return x >= 0 && x <= MaxProximalMu }, "Weight of FedProx's proximal term (Li et al. 2020); 0 is FedAvg."),
		real64("train.augment.noise", &s.Train.Augment.Noise, fmt.Sprintf("a number, 0 to %g", MaxNoise),
			func(x float64) bool { return x >= 0 && x <= MaxNoise }, "Standard deviation of normal noise added to each feature (Bishop 1995)."),
		real64("train.augment.jitter", &s.Train.Augment.Jitter, "a number, 0 to 1",
			func(x float64) bool { return x >= 0 && x <= 1 }, "Pixels by which an image moves along each axis (Simard et al. 2003)."),
		integer("train.augment.width", &s.Train.Augment.Width, 0, MaxWidth, "Pixels in a line of the image; it matters where jitter is above 0."),
		real64("train.augment.background", &s.Train.Augment.Background, "a number that a float32 can hold",
			func(x float64) bool { return math.Abs(x) <= MaxBackground }, "What moves in from outside the image."),
		digest("initial_model", &s.InitialModel, "SHA-256 of the model file that round 1 begins with, which a node holds; left out, the model is drawn from the seed."),
		optional(choice("early_stop.metric", &s.EarlyStop.Metric, "Metric that must get better, as the peers claim it; left out, all rounds run.", metrics()...), &s.EarlyStop.Metric),
		integer("early_stop.patience", &s.EarlyStop.Patience, 0, MaxRounds, "Rounds without a better value after which the job finishes; at least 1 with a metric."),
		optional(choice("early_stop.mode", &s.EarlyStop.Mode, "Whether smaller or larger values are better; given with a metric.", ModeMin, ModeMax), &s.EarlyStop.Mode),
		patterns("parameters.share", &s.Parameters.Share, "Tensors that updates hold; left out, all."),
		patterns("parameters.keep_local", &s.Parameters.KeepLocal, "Tensors of these that stay with each peer all the same."),
		choice("update_type", &s.UpdateType, "What a peer uploads.", UpdateFull),
		integer("round_timeout_s", &s.RoundTimeoutS, 1, MaxSeconds, "Seconds after which a round closes with what is there."),
		integer("wait_after_min_s", &s.WaitAfterMinS, 0, MaxSeconds, "Seconds a round waits for more once min_train_peers have submitted."),
		integer("wait_for_peers_s", &s.WaitForPeersS, 1, MaxSeconds, "Seconds after which a job short of peers ends."),
		integer("attest_timeout_s", &s.AttestTimeoutS, 1, MaxSeconds, "Seconds in which a quorum of nodes must attest a round."),
		integer("max_terms", &s.MaxTerms, 1, MaxTermsLost, "Terms that a round may lose, outvoted or without a quorum in time, before the job ends as failed."),
		integer("max_num_examples", &s.MaxNumExamples, 1, MaxExamples, "Most examples that a peer may claim, which bounds its weight."),
	}, s.Strategy.fields()...)
}

// Field documents one field of a spec.
type Field struct {
	Name    string // dotted path
	Doc     string
	Allowed string
	Default string
}

// Fields documents the fields of a spec in order.
func Fields() []Field {
	defaults := Defaults()
	var all []Field
	for _, f := range defaults.fields() {
		all = append(all, Field{Name: f.name, Doc: f.doc, Allowed: f.allowed, Default: f.value()})
	}
	return all
}

// Validate reports everything that is wrong with s as a [*SpecError].
func (s *Spec) Validate() error {
	problems := s.problems(nil)
	if len(problems) == 0 {
		return nil
	}
	return &SpecError{Problems: problems}
}

// problems checks the fields, but for those of which something was said
// already, and then what holds between fields that are right by themselves.
func (s *Spec) problems(said map[string]bool) []Problem {
	var problems []Problem
	wrong := map[string]bool{}
	for _, f := range s.fields() {
		if wrong[f.name] = said[f.name]; wrong[f.name] || f.ok() {
			continue
		}
		wrong[f.name] = true
		problems = append(problems, Problem{Field: f.name, Value: f.value(), Allowed: f.allowed})
	}
	between := func(name string, value any, broken bool, format string, args ...any) {
		if broken {
			problems = append(problems, Problem{Field: name, Value: shorten(fmt.Sprint(value)), Allowed: fmt.Sprintf(format, args...)})
		}
	}
	if !wrong["min_train_peers"] && !wrong["min_available_peers"] {
		between("min_available_peers", s.MinAvailablePeers, s.MinAvailablePeers < s.MinTrainPeers,
			"at least min_train_peers, which is %d", s.MinTrainPeers)
	}
	if !wrong["train.local_epochs"] && !wrong["fraction_evaluate"] && s.Train.LocalEpochs == 0 {
		between("train.local_epochs", 0, !s.evaluates(),
			"at least 1, unless fraction_evaluate is 1, the strategy plain fedavg, and all tensors are shared")
	}
	if !wrong["fraction_train"] && !wrong["over_selection"] {
		between("over_selection", s.OverSelection, s.OverSelection > 0 && !s.Draws(), "0 where fraction_train is 1, since there are no more peers than the roster")
	}
	if !wrong["fraction_train"] && !wrong["strategy.root"] {
		between("fraction_train", s.FractionTrain, s.Strategy.Root != "" && s.Draws(), "1 with strategy.root, which must train in every round")
	}
	problems = append(problems, s.strategyProblems(wrong)...)
	if wrong["model.layers"] {
		return problems
	}
	if wrong["model.name"] {
		return problems
	}
	if allowed := s.Model.WrongShape(); allowed != "" {
		between("model.layers", s.Model.Layers, true, "%s for the model %s", allowed, s.Model.Name)
		return problems
	}
	s.betweenOptions(wrong, between)
	between("model.layers", s.Model.Layers, s.Model.Parameters() > MaxParameters,
		"at most %d parameters in all, these have %d", MaxParameters, s.Model.Parameters())
	if a := s.Train.Augment; !wrong["train.augment.jitter"] && !wrong["train.augment.width"] {
		between("train.augment.width", a.Width, a.Jitter > 0 && (a.Width == 0 || s.Model.Layers[0]%a.Width != 0),
			"a divisor of the number of features, %d, where jitter is above 0", s.Model.Layers[0])
	}
	if !wrong["train.batch_size"] {
		widest := s.Model.Width()
		between("train.batch_size", s.Train.BatchSize, s.Train.BatchSize*widest > MaxActivations,
			"at most %d for a model as wide as %d", MaxActivations/widest, widest)
	}
	return problems
}

// evaluates reports whether a job whose peers don't train makes sense: its result
// is the model that it began with.
func (s *Spec) evaluates() bool {
	plain := s.Strategy.Name == strategy.FedAvg && s.Strategy.Clip.Name == "" && s.Strategy.Mean.Name == ""
	return s.FractionEvaluate == 1 && plain && len(s.Parameters.Share)+len(s.Parameters.KeepLocal) == 0
}

// betweenOptions checks early_stop and parameters against the model.
func (s *Spec) betweenOptions(wrong map[string]bool, between func(name string, value any, broken bool, format string, args ...any)) {
	e := s.EarlyStop
	if e.Metric == "" {
		between("early_stop.patience", e.Patience, e.Patience != 0 && !wrong["early_stop.patience"], "left out without a metric")
		between("early_stop.mode", e.Mode, e.Mode != "" && !wrong["early_stop.mode"], "left out without a metric")
	} else if !wrong["early_stop.metric"] {
		told := s.Model.Metrics()
		between("early_stop.metric", e.Metric, !slices.Contains(told, e.Metric), "one that peers tell of the model %s: %s", s.Model.Name, strings.Join(told, ", "))
		between("early_stop.patience", e.Patience, e.Patience < 1 && !wrong["early_stop.patience"], "at least 1 with a metric")
		between("early_stop.mode", e.Mode, e.Mode == "", "%s or %s with a metric", ModeMin, ModeMax)
	}
	if wrong["parameters.share"] || wrong["parameters.keep_local"] {
		return
	}
	tensors := s.Model.Tensors()
	idle := func(pattern string) bool {
		return !slices.ContainsFunc(tensors, func(tensor string) bool { return matches(pattern, tensor) })
	}
	there := "patterns that match tensors of the model, which are " + strings.Join(tensors, ", ")
	between("parameters.share", fmt.Sprintf("%q", s.Parameters.Share), slices.ContainsFunc(s.Parameters.Share, idle), "%s", there)
	between("parameters.keep_local", fmt.Sprintf("%q", s.Parameters.KeepLocal), slices.ContainsFunc(s.Parameters.KeepLocal, idle), "%s", there)
	between("parameters.keep_local", fmt.Sprintf("%q", s.Parameters.KeepLocal), !slices.ContainsFunc(tensors, s.Parameters.Shares), "patterns that leave a tensor to share")
}
