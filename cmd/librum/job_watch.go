package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

func newJobRunCommand(flags *serverFlags) *cobra.Command {
	var spec specFlags
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Submit a job and follow it to its end",
		Long:    "Submit a job and follow it to its end. Exit 0 where it finished, 1 where it did not, 3 where the node went away; the job goes on then.",
		Example: "  librum job run -f job.yaml",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.open()
			if err != nil {
				return err
			}
			j, err := spec.submit(cmd, c)
			if err != nil {
				return err
			}
			return followJob(cmd, flags, &j)
		},
	}
	spec.add(cmd)
	return cmd
}

func newJobWatchCommand(flags *serverFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "watch ID",
		Short:   "Follow a job to its end",
		Example: "  librum job watch 3f0c…",
		Args:    oneArgument("the job's id"),
		RunE: withID(flags, func(cmd *cobra.Command, c *client.Client, id ledger.Digest) error {
			j, err := c.Job(cmd.Context(), id)
			if err != nil {
				return answered(err)
			}
			return followJob(cmd, flags, &j)
		}),
	}
}

// jobEnd is how a job ended, as run and watch print it.
type jobEnd struct {
	Job         ledger.Digest `json:"job"`
	State       string        `json:"state"`
	Reason      string        `json:"reason,omitempty"`
	NumRounds   uint64        `json:"num_rounds"` // final ones
	Accuracy    *float64      `json:"accuracy,omitempty"`
	Loss        *float64      `json:"loss,omitempty"`
	ModelDigest ledger.Digest `json:"model_digest,omitzero"`
	CardDigest  ledger.Digest `json:"card_digest,omitzero"`
	Seconds     float64       `json:"seconds"`  // of log time
	Position    string        `json:"position"` // of the transaction that ended it
}

// followJob shows a job's progress until it ends, then how it ended.
func followJob(cmd *cobra.Command, flags *serverFlags, j *v1.Job) error {
	c, err := flags.connect(retriesFollow)
	if err != nil {
		return err
	}
	if !flags.json {
		say(cmd.ErrOrStderr(), "job %s", j.ID)
	}
	display := newProgress(cmd.ErrOrStderr(), int(j.NumRounds))
	end, err := watchJob(cmd.Context(), c, j, display)
	display.Done()
	if err != nil {
		say(cmd.ErrOrStderr(), "the job goes on; librum job watch %s follows it", j.ID)
		return answered(err)
	}
	if flags.json {
		err = printJSON(cmd.OutOrStdout(), end)
	} else {
		err = end.print(cmd.OutOrStdout())
	}
	if err == nil && end.State != "finished" {
		err = &exitError{code: exitNo}
	}
	return err
}

func (e *jobEnd) print(w io.Writer) error {
	text := fmt.Sprintf("job %s %s", e.Job, e.State)
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	text += fmt.Sprintf(" after %d rounds in %.1f s", e.NumRounds, e.Seconds)
	if e.Accuracy != nil {
		text += fmt.Sprintf(", accuracy %s as the peers claim", share(*e.Accuracy))
	}
	if !e.ModelDigest.IsZero() {
		text += "\nmodel " + e.ModelDigest.String()
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// eventData is what progress needs of the events of a job.
type eventData struct {
	Round   int                `json:"round"`
	Count   int                `json:"count"`
	Metrics map[string]float64 `json:"metrics"`
	State   string             `json:"state"`
	Reason  string             `json:"reason"`
	Rounds  uint64             `json:"rounds"`
	Model   ledger.Digest      `json:"model"`
	Card    ledger.Digest      `json:"card"`
	Spec    struct {
		MinAvailablePeers int `json:"min_available_peers"`
	} `json:"spec"`
	Term uint64    `json:"term"`
	Node ledger.ID `json:"node"`
	Loss string    `json:"loss"`
}

// watchJob follows a job's events and shows them until it ends.
func watchJob(ctx context.Context, c *client.Client, j *v1.Job, display progress) (*jobEnd, error) {
	end := &jobEnd{Job: j.ID}
	peers := map[int]int{}
	for e, err := range c.Events(ctx, j.ID, "") {
		if err != nil {
			return nil, err
		}
		var data eventData
		if err := readEvent(&e, &data); err != nil {
			return nil, err
		}
		elapsed := time.Duration(e.LogTime-j.Created) * time.Millisecond
		switch {
		case e.Type == "job.created":
			display.Note(fmt.Sprintf("waiting for %d peers", data.Spec.MinAvailablePeers))
		case e.Type == "round.committed":
			peers[data.Round] = data.Count
		case e.Type == "round.void":
			display.Note(fmt.Sprintf("round %d is void: too few updates", data.Round))
		case e.Type == "term.lost":
			display.Note(fmt.Sprintf("round %d: node %s lost term %d (%s); another commits over the same updates", data.Round, data.Node.Short(), data.Term, data.Loss))
		case e.Type == "round.final":
			status, err := c.Status(ctx)
			if err != nil {
				return nil, err
			}
			line := roundLine{
				Round: data.Round, Rounds: int(j.NumRounds), Peers: peers[data.Round], Elapsed: elapsed, Height: status.Height,
				Accuracy: metric(data.Metrics, "accuracy"), Loss: metric(data.Metrics, "loss"),
			}
			end.Accuracy, end.Loss = finite(line.Accuracy), finite(line.Loss)
			display.Round(line)
		case v1.EndsJob(e.Type):
			end.State, end.Reason, end.NumRounds = data.State, data.Reason, data.Rounds
			end.ModelDigest, end.CardDigest, end.Seconds = data.Model, data.Card, elapsed.Seconds()
			end.Position = e.Position
			return end, nil
		}
	}
	return nil, errors.New("the events ended before the job")
}

// readEvent reads the data of an event of a job. Those of other types are left
// alone: a field may mean something else there.
func readEvent(e *v1.Event, data *eventData) error {
	switch e.Type {
	case "job.created", "round.committed", "round.void", "round.final", "term.lost", v1.EventJobFinished, v1.EventJobFailed, v1.EventJobCancelled:
		if err := json.Unmarshal(e.Data, data); err != nil {
			return fmt.Errorf("read event %s at %s: %w", e.Type, e.Position, err)
		}
	}
	return nil
}

func metric(all map[string]float64, name string) float64 {
	if x, ok := all[name]; ok {
		return x
	}
	return math.NaN()
}

// finite returns nil for a number that JSON does not have.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
