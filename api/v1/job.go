package v1

import (
	"encoding/json"

	"github.com/librum/librum/chain/ledger"
)

// Job is a training job.
type Job struct {
	ID          ledger.Digest   `json:"id"`
	Creator     ledger.ID       `json:"creator"`
	Created     int64           `json:"created" doc:"Log time, ms."`
	State       string          `json:"state" enum:"waiting,running,finished,failed,cancelled"`
	Reason      string          `json:"reason,omitempty" doc:"Why it waits or how it ended."`
	Round       uint64          `json:"round" doc:"Opened last, from 1; 0 before the first."`
	FinalRounds uint64          `json:"final_rounds" doc:"Rounds whose result a quorum of nodes recomputed."`
	NumRounds   int64           `json:"num_rounds" doc:"Rounds asked for."`
	Model       *File           `json:"model,omitempty" doc:"The newest model that stands."`
	BestRound   uint64          `json:"best_round,omitempty" doc:"Where the spec has early_stop: the round whose metric is the best so far, as the peers claim."`
	Card        *File           `json:"card,omitempty" doc:"The model card, once finished."`
	Ended       int64           `json:"ended,omitempty" doc:"Log time, ms."`
	Spec        json.RawMessage `json:"spec" doc:"The job spec with all defaults filled in."`
}

// File names content by its digest.
type File struct {
	Digest ledger.Digest `json:"digest" doc:"SHA-256."`
	Size   uint64        `json:"size" doc:"Bytes."`
}

// Jobs is a page of jobs.
type Jobs struct {
	Jobs       []Job  `json:"jobs" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Round is one round of a job.
type Round struct {
	Round       uint64             `json:"round"`
	Attempt     uint64             `json:"attempt" doc:"From 1; a void round is opened again under its number."`
	State       string             `json:"state" enum:"drawing,open,closed,committed,final,void,failed"`
	Input       File               `json:"input" doc:"The model it began with."`
	Model       *File              `json:"model,omitempty" doc:"Its result, once committed."`
	ServerState *File              `json:"server_state,omitempty" doc:"What the server of the strategy remembers for the next round, once committed."`
	Peers       uint64             `json:"peers" doc:"Asked."`
	Wanted      uint64             `json:"wanted" doc:"Updates; the round may close once so many are there."`
	Draw        *Draw              `json:"draw,omitempty" doc:"How the cohort is drawn, where the job asks but a fraction of the roster."`
	Submitted   uint64             `json:"submitted"`
	Declined    uint64             `json:"declined"`
	Declines    []DeclinedUpdate   `json:"declines,omitempty" doc:"Peers that take no part in this attempt, by their own word."`
	Averaged    uint64             `json:"averaged" doc:"Updates in the average, once committed."`
	Refused     []RefusedUpdate    `json:"refused,omitempty" doc:"Updates left out of the average."`
	Nodes       uint64             `json:"nodes" doc:"In the attesting group."`
	Agreed      uint64             `json:"agreed" doc:"Nodes that came to the same result."`
	Dissented   uint64             `json:"dissented"`
	Lost        []LostTerm         `json:"lost,omitempty" doc:"Terms whose commit did not become final, the oldest first."`
	Metrics     map[string]float64 `json:"metrics,omitempty" doc:"Claims of the node that committed."`
	Opened      int64              `json:"opened" doc:"Log time, ms, as all times here."`
	Closed      int64              `json:"closed,omitempty"`
	Committed   int64              `json:"committed,omitempty"`
	Ended       int64              `json:"ended,omitempty"`
}

// Draw is how a round's cohort is drawn: by what each node reveals of a hash chain
// that it had committed to.
type Draw struct {
	Roster   uint64         `json:"roster" doc:"Peers that it is drawn from."`
	Revealed []ledger.ID    `json:"revealed" doc:"Nodes that have revealed."`
	Withheld []ledger.ID    `json:"withheld" doc:"Nodes that have not, or not yet; once the cohort is drawn they do not attest the round."`
	Frozen   int64          `json:"frozen" doc:"When the roster was fixed."`
	Drawn    int64          `json:"drawn,omitempty"`
	Seed     *ledger.Digest `json:"seed,omitempty" doc:"That the cohort follows from, once it is drawn."`
}

// LostTerm is a term that was lost over a round's commit; another node committed
// over the same updates, unless the round failed.
type LostTerm struct {
	Term      uint64    `json:"term"`
	Attempt   uint64    `json:"attempt"`
	Node      ledger.ID `json:"node" doc:"That committed."`
	Loss      string    `json:"loss" enum:"outvoted,withheld,attest_timeout"`
	Model     *File     `json:"model,omitempty" doc:"That it committed."`
	Agreed    uint64    `json:"agreed"`
	Dissented uint64    `json:"dissented"`
	Time      int64     `json:"time" doc:"Log time, ms."`
}

// RefusedUpdate names an update that was left out, and why.
type RefusedUpdate struct {
	Peer   ledger.ID `json:"peer"`
	Reason string    `json:"reason"`
}

// JobPeers is a page of what the peers of a job did: sums over the rounds from
// FirstRound to LastRound, both 0 where there is none.
type JobPeers struct {
	Peers      []JobPeer `json:"peers" nullable:"false" doc:"That these rounds asked, by id."`
	FirstRound uint64    `json:"first_round"`
	LastRound  uint64    `json:"last_round"`
	NextCursor string    `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// JobPeer is what a peer did, in numbers of rounds.
type JobPeer struct {
	Peer        ledger.ID         `json:"peer"`
	Selected    uint64            `json:"selected" doc:"It was asked. Each such round counts in one of the fields up to pending."`
	Committed   uint64            `json:"committed" doc:"Its update is in the average of a final round."`
	Refused     map[string]uint64 `json:"refused,omitempty" doc:"Its update was left out, by reason."`
	Void        uint64            `json:"void" doc:"It submitted, and the round came to no model."`
	Declined    map[string]uint64 `json:"declined,omitempty" doc:"It would not or could not, by reason."`
	Late        uint64            `json:"late" doc:"The round had all that it wanted before the peer answered."`
	Dropped     uint64            `json:"dropped" doc:"It answered nothing, and the round closed without it."`
	Pending     uint64            `json:"pending" doc:"The round is at work, or was when the job ended."`
	NumExamples uint64            `json:"num_examples" doc:"The peer's claims, of the updates that are in averages."`
	Bytes       uint64            `json:"bytes" doc:"Of all updates that it submitted."`
}

// DeclinedUpdate names a peer that declined a round, and why.
type DeclinedUpdate struct {
	Peer   ledger.ID `json:"peer"`
	Reason string    `json:"reason" enum:"policy,data,training,proof"`
}

// Rounds is a page of rounds, the oldest first.
type Rounds struct {
	Rounds     []Round `json:"rounds" nullable:"false"`
	NextCursor string  `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Update is a peer's answer in a round. Number of examples and metrics are its
// claims.
type Update struct {
	Peer        ledger.ID          `json:"peer"`
	State       string             `json:"state" enum:"expected,submitted,declined"`
	Time        int64              `json:"time,omitempty" doc:"Log time of the answer, ms."`
	File        *File              `json:"file,omitempty" doc:"That it submitted."`
	NumExamples uint64             `json:"num_examples,omitempty" doc:"The peer's claim."`
	Metrics     map[string]float64 `json:"metrics,omitempty" doc:"The peer's claims; eval_ is of the model that the round began with, on rows that the peer held out."`
	Reason      string             `json:"reason,omitempty" doc:"Why it declined."`
}

// Updates is a page of the answers in a round, in the order of the peers.
type Updates struct {
	Updates    []Update `json:"updates" nullable:"false"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Metrics is a page of what the final rounds of a job reached.
type Metrics struct {
	Metrics    []RoundMetrics `json:"metrics" nullable:"false"`
	NextCursor string         `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// RoundMetrics is what one final round reached.
type RoundMetrics struct {
	Round   uint64             `json:"round"`
	Time    int64              `json:"time" doc:"When it became final; log time, ms."`
	Peers   uint64             `json:"peers" doc:"Updates in the average."`
	Metrics map[string]float64 `json:"metrics" doc:"Claims of the node that committed."`
}
