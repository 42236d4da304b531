package card

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// ErrNotOver tells that a job has rounds to go, or does not exist.
var ErrNotOver = errors.New("not all rounds of the job are final")

// Card is a model card (Mitchell et al. 2019, "Model Cards for Model
// Reporting"), a function of the ledger alone.
type Card struct {
	Model          Model         `json:"model"`
	Generator      string        `json:"generator"`
	Aggregator     Aggregator    `json:"aggregator"`
	Participants   []Participant `json:"participants"`
	Times          Times         `json:"times"`
	Rounds         []Round       `json:"quantitative_analysis"`
	Best           *Best         `json:"best_round,omitempty"` // where the spec has early_stop
	Considerations []string      `json:"considerations"`
}

// Model says which model the card is about.
type Model struct {
	Job    ledger.Digest `json:"job"`
	Chain  ledger.Digest `json:"chain"`
	Digest ledger.Digest `json:"digest"`
	Bytes  uint64        `json:"bytes"`
	Format string        `json:"format"`
	Spec   job.Spec      `json:"spec"`
}

// Aggregator says how updates became the model.
type Aggregator struct {
	Strategy     string `json:"strategy"`
	Reproducible bool   `json:"bit_reproducible"`
	Attesters    int    `json:"attesters"`
	Quorum       int    `json:"quorum"`
}

// Participant is a peer and what it contributed.
type Participant struct {
	Peer        ledger.ID `json:"peer"`
	Rounds      uint64    `json:"rounds"`
	NumExamples uint64    `json:"num_examples"` // of its last update; a claim
	// Metrics are those of its last update, claims too; what begins with eval_ is
	// of the model that this round began with, on rows that the peer held out.
	Metrics fl.Metrics `json:"claimed_metrics,omitempty"`
}

// Times are log times in RFC 3339.
type Times struct {
	Created  string `json:"created"`
	Finished string `json:"last_round_final"`
}

// Round is one round in numbers. Metrics are claims of the peers, their
// mean a claim of the coordinator.
type Round struct {
	Round   uint64        `json:"round"`
	Updates uint64        `json:"updates"`
	Refused int           `json:"refused"`
	Model   ledger.Digest `json:"model"`
	Metrics fl.Metrics    `json:"claimed_metrics"`
}

// Best is the round whose metric was the best: a claim, as all metrics are. Its
// model stands beside the last one.
type Best struct {
	Round  uint64        `json:"round"`
	Metric string        `json:"claimed_metric"`
	Value  float64       `json:"value"`
	Model  ledger.Digest `json:"model"`
}

// Bytes returns the card of a job all of whose rounds are final, as JSON. The
// rows it reads change no more, so that state may move on meanwhile.
func Bytes(state contract.State, id ledger.Digest) ([]byte, error) {
	card, err := Make(state, id)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(card, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the model card: %w", err)
	}
	return append(b, '\n'), nil
}

// Make returns the card that [Bytes] encodes.
func Make(state contract.State, id ledger.Digest) (*Card, error) {
	j, ok, err := fl.LoadJob(state, id)
	if err != nil {
		return nil, err
	}
	if !ok || j.Finals == 0 || !j.Complete() {
		return nil, fmt.Errorf("%w: %s", ErrNotOver, id)
	}
	chain, ok, err := contract.LoadFrom[fl.Chain](state, fl.ChainRow)
	if err := present(ok, err, "chain", 0); err != nil {
		return nil, err
	}
	group, ok, err := fl.LoadGroup(state, id, j.Finals)
	if err := present(ok, err, "group of round", j.Finals); err != nil {
		return nil, err
	}
	c := &Card{
		Model: Model{
			Job: id, Chain: chain.Chain, Digest: j.Model, Bytes: j.ModelSize, Format: "safetensors", Spec: j.Spec,
		},
		Generator: "Librum",
		Aggregator: Aggregator{
			Strategy: j.Spec.Strategy.Name, Reproducible: true, Attesters: len(group.Nodes), Quorum: group.Quorum(),
		},
		Times: Times{Created: rfc3339(j.Created)},
		Considerations: []string{
			"Accuracy, loss and numbers of examples are claims of the peers, not checked by the nodes.",
			"No differential privacy was applied: updates may reveal properties of the training data to those who may read them.",
			"Nodes of the attesting group could read the updates.",
		},
	}
	if len(j.Spec.Parameters.Share)+len(j.Spec.Parameters.KeepLocal) > 0 {
		c.Considerations = append(c.Considerations, "The model holds the shared tensors alone; each peer keeps the rest of its own.")
	}
	if err := c.fill(state, id, j.Finals); err != nil {
		return nil, err
	}
	if j.Best > 0 {
		c.Best = &Best{Round: j.Best, Metric: j.Spec.EarlyStop.Metric, Value: j.BestValue, Model: c.Rounds[j.Best-1].Model}
	}
	return c, nil
}

// fill reads rounds and participants.
func (c *Card) fill(state contract.State, id ledger.Digest, finals uint64) error {
	at := map[ledger.ID]int{}
	for number := uint64(1); number <= finals; number++ {
		r, ok, err := fl.LoadRound(state, id, number)
		if err := present(ok, err, "round", number); err != nil {
			return err
		}
		commit, ok, err := fl.LoadCommit(state, id, number, r.CommitTerm)
		if err := present(ok, err, "commit of round", number); err != nil {
			return err
		}
		c.Rounds = append(c.Rounds, Round{
			Round: number, Updates: commit.Count, Refused: len(commit.Refused), Model: commit.Model, Metrics: commit.Metrics,
		})
		c.Times.Finished = rfc3339(r.Ended)
		if err := c.count(state, id, number, r, at); err != nil {
			return err
		}
	}
	return nil
}

// count adds the peers of a round to the participants.
func (c *Card) count(state contract.State, id ledger.Digest, number uint64, r *fl.Round, at map[ledger.ID]int) error {
	cohort, ok, err := fl.LoadCohort(state, id, number)
	if err := present(ok, err, "cohort of round", number); err != nil {
		return err
	}
	for _, peer := range cohort.Peers {
		u, ok, err := fl.LoadUpdate(state, id, number, peer)
		if err != nil {
			return err
		}
		if !ok || u.Attempt != r.Attempt || u.State != fl.UpdateSubmitted {
			continue
		}
		i, known := at[peer]
		if !known {
			i = len(c.Participants)
			at[peer] = i
			c.Participants = append(c.Participants, Participant{Peer: peer})
		}
		c.Participants[i].Rounds++
		c.Participants[i].NumExamples, c.Participants[i].Metrics = u.NumExamples, u.Metrics
	}
	return nil
}

func present(ok bool, err error, what string, number uint64) error {
	if err == nil && !ok {
		err = fmt.Errorf("read %s %d: missing, though the job's row says that it is there", what, number)
	}
	return err
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
