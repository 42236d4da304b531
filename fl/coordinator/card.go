package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// Card is a model card (Mitchell et al. 2019, "Model Cards for Model
// Reporting"), made from the ledger alone.
type Card struct {
	Model          CardModel         `json:"model"`
	Generator      string            `json:"generator"`
	Aggregator     CardAggregator    `json:"aggregator"`
	Participants   []CardParticipant `json:"participants"`
	Times          CardTimes         `json:"times"`
	Rounds         []CardRound       `json:"quantitative_analysis"`
	Considerations []string          `json:"considerations"`
}

// CardModel says which model the card is about.
type CardModel struct {
	Job    ledger.Digest `json:"job"`
	Chain  ledger.Digest `json:"chain"`
	Digest ledger.Digest `json:"digest"`
	Bytes  uint64        `json:"bytes"`
	Format string        `json:"format"`
	Spec   job.Spec      `json:"spec"`
}

// CardAggregator says how updates became the model.
type CardAggregator struct {
	Strategy     string `json:"strategy"`
	Reproducible bool   `json:"bit_reproducible"`
	Attesters    int    `json:"attesters"`
	Quorum       int    `json:"quorum"`
}

// CardParticipant is a peer and what it contributed.
type CardParticipant struct {
	Peer        ledger.ID `json:"peer"`
	Rounds      uint64    `json:"rounds"`
	NumExamples uint64    `json:"num_examples"` // of its last update; a claim
}

// CardTimes are log times in RFC 3339.
type CardTimes struct {
	Created  string `json:"created"`
	Finished string `json:"last_round_final"`
}

// CardRound is one round in numbers. Metrics are claims of the peers, their
// mean a claim of the coordinator.
type CardRound struct {
	Round   uint64        `json:"round"`
	Updates uint64        `json:"updates"`
	Refused int           `json:"refused"`
	Model   ledger.Digest `json:"model"`
	Metrics fl.Metrics    `json:"claimed_metrics"`
}

// writeCard makes the card of a job all of whose rounds are final.
func (w *worker) writeCard(ctx context.Context, s *round.Snapshot) (*round.File, error) {
	card := Card{
		Model: CardModel{
			Job: w.id, Chain: w.config.Chain, Digest: s.Job.Model, Bytes: s.Job.ModelSize, Format: "safetensors", Spec: s.Job.Spec,
		},
		Generator: "Librum",
		Aggregator: CardAggregator{
			Strategy: s.Job.Spec.Strategy.Name, Reproducible: true,
			Attesters: len(s.Attesters.Nodes), Quorum: s.Attesters.Quorum(),
		},
		Times: CardTimes{Created: rfc3339(s.Job.Created), Finished: rfc3339(s.Round.Ended)},
		Considerations: []string{
			"Accuracy, loss and numbers of examples are claims of the peers, not checked by the nodes.",
			"No differential privacy was applied: updates may reveal properties of the training data to those who may read them.",
			"Nodes of the attesting group could read the updates.",
		},
	}
	err := w.config.Ledger.View(func(state contract.Range, _ int64) error { return card.fill(state, w.id, s) })
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(&card, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the model card: %w", err)
	}
	return w.put(ctx, append(b, '\n'))
}

// fill reads rounds and participants from the ledger.
func (c *Card) fill(state contract.State, id ledger.Digest, s *round.Snapshot) error {
	at := map[ledger.ID]int{}
	for number := uint64(1); number <= s.Job.Finals; number++ {
		r, ok, err := fl.LoadRound(state, id, number)
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("%w: round %d", ErrNotFound, number))
		}
		commit, ok, err := fl.LoadCommit(state, id, number, r.CommitTerm)
		if err != nil || !ok {
			return errors.Join(err, fmt.Errorf("%w: commit of round %d", ErrNotFound, number))
		}
		c.Rounds = append(c.Rounds, CardRound{
			Round: number, Updates: commit.Count, Refused: len(commit.Refused), Model: commit.Model, Metrics: commit.Metrics,
		})
		if err := c.count(state, id, number, r, at); err != nil {
			return err
		}
	}
	return nil
}

// count adds the peers of a round to the participants.
func (c *Card) count(state contract.State, id ledger.Digest, number uint64, r *fl.Round, at map[ledger.ID]int) error {
	cohort, ok, err := fl.LoadCohort(state, id, number)
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("%w: cohort of round %d", ErrNotFound, number))
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
			c.Participants = append(c.Participants, CardParticipant{Peer: peer})
		}
		c.Participants[i].Rounds++
		c.Participants[i].NumExamples = u.NumExamples
	}
	return nil
}

// maxCardBytes bounds a card that is read back.
const maxCardBytes = 64 << 20

// Card returns the model card of a finished job as JSON.
func (s *Service) Card(ctx context.Context, id ledger.Digest) (card []byte, err error) {
	var j *fl.Job
	err = s.config.Ledger.View(func(state contract.Range, _ int64) error {
		found, ok, err := fl.LoadJob(state, id)
		if err == nil && (!ok || found.Card.IsZero()) {
			err = fmt.Errorf("%w: job %s has no model card yet", ErrNotFound, id)
		}
		j = found
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.fetch(ctx, j.Card, j.CardSize); err != nil {
		return nil, err
	}
	file, err := s.config.Blobs.Get(ctx, j.Card)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if file.Size() > maxCardBytes {
		return nil, fmt.Errorf("read the model card: %d bytes, at most %d are allowed", file.Size(), maxCardBytes)
	}
	return io.ReadAll(io.NewSectionReader(file, 0, file.Size()))
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano) }
