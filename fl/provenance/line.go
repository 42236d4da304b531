package provenance

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
)

// ErrNotFinal tells that a job has no such version, or not yet.
var ErrNotFinal = errors.New("no such version of the model")

// Line is where a version comes from.
type Line struct {
	Chain   ledger.Digest
	Job     ledger.Digest
	Creator ledger.ID
	Spec    job.Spec
	Card    ledger.Digest // of the last version of a finished job; else zero
	Rounds  []Round       // from the first to the one that made the version
	Updates []Update      // averaged in the last of them, peers ascending
	Refused []fl.Refused  // in the last of them, peers ascending
	Agreed  []ledger.ID   // nodes that came to the last one's result, ascending
}

// Round is one step of the line.
type Round struct {
	Number         uint64
	Opened, Ended  int64 // log time, ms
	Input, Model   ledger.Digest
	Set            ledger.Digest // of the updates averaged
	Count          uint64        // of them
	State          ledger.Digest // what the server remembers after it; zero for nothing
	Committed      ledger.ID     // node that committed
	ClaimedMetrics fl.Metrics
}

// Update is one of the updates that were averaged.
type Update struct {
	Peer            ledger.ID
	Digest          ledger.Digest
	ClaimedExamples uint64
}

// Read reads the line of the version that a final round made, from 1.
func Read(state contract.State, id ledger.Digest, version uint64) (*Line, error) {
	j, ok, err := fl.LoadJob(state, id)
	if err != nil {
		return nil, err
	}
	if !ok || version == 0 || version > j.Finals {
		return nil, fmt.Errorf("%w: version %d of job %s", ErrNotFinal, version, id)
	}
	chain, ok, err := contract.LoadFrom[fl.Chain](state, fl.ChainRow)
	if err := present(ok, err, "chain", 0); err != nil {
		return nil, err
	}
	l := &Line{Chain: chain.Chain, Job: id, Creator: j.Creator, Spec: j.Spec}
	if version == j.Finals {
		l.Card = j.Card
	}
	for number := uint64(1); number <= version; number++ {
		r, ok, err := fl.LoadRound(state, id, number)
		if err := present(ok, err, "round", number); err != nil {
			return nil, err
		}
		c, ok, err := fl.LoadCommit(state, id, number, r.CommitTerm)
		if err := present(ok, err, "commit of round", number); err != nil {
			return nil, err
		}
		after, _, err := fl.LoadStateAfter(state, id, number)
		if err != nil {
			return nil, err
		}
		l.Rounds = append(l.Rounds, Round{
			Number: number, Opened: r.Opened, Ended: r.Ended, Input: r.Model, Model: c.Model, Set: c.Set, Count: c.Count,
			State: after.Digest, Committed: c.Node, ClaimedMetrics: c.Metrics,
		})
		if number == version {
			err = l.last(state, number, r, c)
		}
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// last reads who took part in the round that made the version.
func (l *Line) last(state contract.State, number uint64, r *fl.Round, c *fl.Commit) error {
	l.Refused = c.Refused
	cohort, ok, err := fl.LoadCohort(state, l.Job, number)
	if err := present(ok, err, "cohort of round", number); err != nil {
		return err
	}
	for _, peer := range cohort.Peers {
		u, ok, err := fl.LoadUpdate(state, l.Job, number, peer)
		if err != nil {
			return err
		}
		out := slices.ContainsFunc(c.Refused, func(r fl.Refused) bool { return r.Peer == peer })
		if !ok || out || u.Attempt != r.Attempt || u.State != fl.UpdateSubmitted {
			continue
		}
		l.Updates = append(l.Updates, Update{Peer: peer, Digest: u.Digest, ClaimedExamples: u.NumExamples})
	}
	group, ok, err := fl.LoadGroup(state, l.Job, number)
	if err := present(ok, err, "group of round", number); err != nil {
		return err
	}
	for _, node := range group.Nodes {
		a, ok, err := fl.LoadAttestation(state, l.Job, number, r.CommitTerm, node.Node)
		if err != nil {
			return err
		}
		if ok && a.Attempt == r.Attempt && a.Dissent == "" {
			l.Agreed = append(l.Agreed, node.Node)
		}
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
