package aggregation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/ledger"
)

// maxHeaderBytes bounds the header that an aggregation's layout is taken from.
const maxHeaderBytes = 16 << 20

// work is one run. The files that it opens are closed when it ends.
type work struct {
	service     *Service
	aggregation *aggregation
	spec        Spec
	inputs      []Input // names ascending
	open        map[string]blob.Blob
	model       tensor.Layout
}

// failure is why a run failed, in words for its owner.
type failure struct{ text string }

func (f *failure) Error() string { return f.text }

// aggregate makes the result.
func (w *work) aggregate(ctx context.Context) (_ Outcome, err error) {
	w.open = map[string]blob.Blob{}
	defer func() {
		for _, file := range w.open {
			err = errors.Join(err, file.Close())
		}
	}()
	for i := range w.inputs {
		in := &w.inputs[i]
		if w.open[in.Name], err = w.aggregation.store.Get(ctx, in.Digest); err != nil {
			delete(w.open, in.Name)
			return Outcome{}, fmt.Errorf("open input %s: %w", in.Name, err)
		}
	}
	if err := w.findLayout(); err != nil {
		return Outcome{}, err
	}
	rule, err := w.spec.Strategy.Rule()
	if err != nil {
		return Outcome{}, err
	}
	outcome, in, err := w.check(ctx, rule)
	if err != nil {
		return outcome, err
	}
	if _, problems := w.spec.resolve(len(in.Updates)); len(problems) > 0 { // fewer than when it was started
		return outcome, &failure{fmt.Sprintf("%d updates were refused; %s: want %s", len(outcome.Refused), problems[0].Field, problems[0].Allowed)}
	}
	result, err := w.write(ctx, rule, in)
	if err != nil {
		return outcome, err
	}
	outcome.Model = File{Digest: result.Model.Digest, Size: result.Model.Size}
	if result.State.Size > 0 {
		outcome.Memory = File{Digest: result.State.Digest, Size: result.State.Size}
	}
	outcome.Averaged, outcome.Examples = uint64(len(in.Updates)), result.Model.Weight
	return outcome, nil
}

// source returns the input of a kind that there is at most one of.
func (w *work) source(kind Kind) *aggregator.Source {
	for _, in := range w.inputs {
		if in.Kind == kind {
			return &aggregator.Source{File: w.open[in.Name], Size: in.Size}
		}
	}
	return nil
}

// findLayout holds fl/aggregation(3).
func (w *work) findLayout() error {
	if global := w.source(Global); global != nil {
		err := w.takeLayout(*global)
		if _, malformed := errors.AsType[*tensor.Error](err); malformed {
			return &failure{"the global model is no safetensors file: " + err.Error()}
		}
		return err
	}
	for _, in := range w.inputs {
		if in.Kind != Update {
			continue
		}
		err := w.takeLayout(aggregator.Source{File: w.open[in.Name], Size: in.Size})
		if _, malformed := errors.AsType[*tensor.Error](err); !malformed {
			return err
		}
	}
	return &failure{"no update is a safetensors file"}
}

func (w *work) takeLayout(from aggregator.Source) error {
	found, err := tensor.ReadLayout(from.File, from.Size, tensor.Limits{HeaderBytes: maxHeaderBytes})
	if err != nil {
		return err
	}
	w.model, err = tensor.NewLayout(found.Tensors(), tensor.Limits{})
	return err
}

// check tells which updates take part.
func (w *work) check(ctx context.Context, rule strategy.Rule) (outcome Outcome, in strategy.Input, err error) {
	in = strategy.Input{Model: w.model, Local: w.spec.Momentum, Cohort: int(w.spec.Cohort)}
	layout, err := rule.UpdateLayout(w.model)
	if err != nil {
		return outcome, in, err
	}
	if global := w.source(Global); global != nil {
		in.Global = *global
	}
	in.State = w.source(Memory)
	if in.State != nil && !rule.Needs().State {
		return outcome, in, &failure{"the strategy remembers nothing: leave the input of kind memory out"}
	}
	if w.spec.Strategy.Root != "" {
		in.Root = []byte(w.spec.Strategy.Root)
	}
	updates := 0
	for _, each := range w.inputs {
		if each.Kind != Update {
			continue
		}
		updates++
		file := w.open[each.Name]
		err := aggregator.Check(ctx, layout, file, each.Size, each.Digest, aggregator.Limits{})
		reason, refused := aggregator.ReasonOf(err)
		switch {
		case refused && each.Name == w.spec.Strategy.Root:
			return outcome, in, &failure{fmt.Sprintf("update %s, which the strategy trusts, was refused (%s): %s", each.Name, reason, clip(err.Error(), maxDetail))}
		case refused:
			outcome.Refused = append(outcome.Refused, Refused{Name: each.Name, Reason: reason, Detail: clip(err.Error(), maxDetail)})
			continue
		case err != nil:
			return outcome, in, fmt.Errorf("check input %s: %w", each.Name, err)
		case rule.Needs().Steps && each.Steps == 0:
			return outcome, in, &failure{"update " + each.Name + " has no steps, which the strategy asks for"}
		}
		in.Updates = append(in.Updates, aggregator.Update{
			Peer: []byte(each.Name), File: file, Size: each.Size, Weight: each.NumExamples, Steps: each.Steps,
		})
	}
	if len(in.Updates) == 0 {
		return outcome, in, &failure{"every update was refused"}
	}
	if in.Cohort == 0 {
		in.Cohort = updates
	}
	return outcome, in, nil
}

// clip cuts a text that may quote a file to size, and to what a head can hold:
// CBOR knows no text that breaks off inside a character.
func clip(text string, size int) string { return strings.ToValidUTF8(text[:min(len(text), size)], "") }

// write puts what the rule makes into the store.
func (w *work) write(ctx context.Context, rule strategy.Rule, in strategy.Input) (result strategy.Result, err error) {
	memory, err := rule.StateLayout(w.model)
	if err != nil {
		return result, err
	}
	size := w.model.FileBytes()
	if rule.Needs().State {
		size += memory.FileBytes()
	}
	if err := w.service.reserve(w.aggregation, size); err != nil {
		return result, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.service.reserve(w.aggregation, -size))
		}
	}()
	group, ctx := errgroup.WithContext(ctx)
	kept := [2]ledger.Digest{}
	keep := func(at *ledger.Digest, size int64) *io.PipeWriter {
		r, to := io.Pipe()
		group.Go(func() error {
			digest, _, err := w.aggregation.store.Put(ctx, r, size)
			*at = digest
			return errors.Join(err, r.CloseWithError(err))
		})
		return to
	}
	to := []*io.PipeWriter{keep(&kept[0], w.model.FileBytes())}
	output := strategy.Output{Model: to[0]}
	if rule.Needs().State {
		to = append(to, keep(&kept[1], memory.FileBytes()))
		output.State = to[1]
	}
	group.Go(func() error {
		var err error
		result, err = rule.Aggregate(ctx, in, output, aggregator.Options{})
		for _, pipe := range to {
			err = errors.Join(err, pipe.CloseWithError(err))
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return result, err
	}
	if kept[0] != result.Model.Digest || rule.Needs().State && kept[1] != result.State.Digest {
		return result, fmt.Errorf("the store kept %s and %s of %x and %x", kept[0], kept[1], result.Model.Digest, result.State.Digest)
	}
	w.service.wrote(w.aggregation, "", size)
	return result, nil
}

// reason says why a run failed. The aggregation is locked.
func (s *Service) reason(ctx context.Context, a *aggregation, err error) string {
	var known *failure
	var corrupt *blob.CorruptError
	switch {
	case errors.As(err, &known):
		return known.text
	case errors.Is(err, blob.ErrFull):
		return "the node's disk is full"
	case errors.Is(err, ErrLimit):
		return err.Error()
	case errors.Is(err, aggregator.ErrInput), errors.Is(err, aggregator.ErrNotFinite):
		return err.Error()
	case errors.As(err, &corrupt):
		for _, in := range a.inputs {
			if in.Digest == corrupt.Digest {
				delete(a.complete, in.Name)
				s.wrote(a, in.Name, 0)
			}
		}
		if err := a.store.Delete(context.WithoutCancel(ctx), corrupt.Digest); err != nil {
			s.config.Logger.LogAttrs(ctx, slog.LevelError, "drop a corrupt input", slog.String("aggregation", a.id.String()), slog.Any("error", err))
		}
		return fmt.Sprintf("the content %s was damaged on the node's disk; send it again", corrupt.Digest)
	}
	if reason, ok := aggregator.ReasonOf(err); ok { // the updates were checked: it is what the server remembers
		return fmt.Sprintf("the memory does not fit (%s): %v", reason, err)
	}
	s.config.Logger.LogAttrs(ctx, slog.LevelError, "aggregate", slog.String("aggregation", a.id.String()), slog.Any("error", err))
	return "the node went wrong; its log says more"
}
