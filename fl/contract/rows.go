package contract

import (
	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	"github.com/librum/librum/fl/job"
)

// Chain is the row that says which chain receipts must name.
type Chain struct {
	_     struct{} `cbor:",toarray"`
	Chain ledger.Digest
	Shard uint32
}

// Job is the row of a job.
type Job struct {
	_         struct{} `cbor:",toarray"`
	Creator   ledger.ID
	Created   int64 // log time, ms, as all times here
	Spec      job.Spec
	State     job.State
	Reason    job.Reason
	Idle      int64         // since when no round is at work; 0 while one is
	Round     uint64        // opened last, from 1; 0 before the first
	Finals    uint64        // rounds that are final: Round or Round-1
	Voids     uint64        // void rounds running
	Model     ledger.Digest // SHA-256 of the newest final model; the initial one while round 1 runs, zero before
	ModelSize uint64        // bytes
	Card      ledger.Digest // SHA-256 of the model card, once finished
	CardSize  uint64
	Ended     int64   // 0 while the job is not terminal
	Best      uint64  // round whose early_stop metric is the best so far; 0 where none was told
	BestValue float64 // of that metric, a claim
}

// Active is the row of a creator's jobs that count as active: those it has made
// and not yet shown to have ended, ascending.
type Active struct {
	_    struct{} `cbor:",toarray"`
	Jobs []ledger.Digest
}

// Term is the row of a job's newest term.
type Term struct {
	_       struct{} `cbor:",toarray"`
	Term    uint64   // from 1
	Holder  ledger.ID
	Taken   int64
	Renewed int64 // of its last accepted transaction, or when it was lost
	Stepped int64 // of its last one that was no renewal
	GivenUp bool
	Lost    bool        // its commit did not become final
	Lapsed  []ledger.ID // nodes that let a term run out, ascending; they wait one lease longer than others
	Barred  []ledger.ID // nodes that were outvoted, ascending; they take no further term of the job
}

// Round is the row of a round: what changes while it runs.
type Round struct {
	_          struct{} `cbor:",toarray"`
	Attempt    uint64   // from 1; a void round is opened again under its number
	State      job.RoundState
	Term       uint64 // in which it was opened
	Model      ledger.Digest
	ModelSize  uint64
	Roster     uint64 // peers that were there
	Cohort     uint64 // of them, that the round asks; 0 while it is drawn
	Wanted     uint64 // updates; the round may close once so many are there
	Nodes      uint64 // n of the attesting group
	Withheld   uint64 // of them, nodes that revealed nothing and do not attest
	Opened     int64  // since when the cohort is asked; while it is drawn, since when it is
	Submitted  uint64
	Declined   uint64
	MinReached int64 // when min_train_peers had submitted; 0 before
	Closed     int64
	Set        ledger.Digest // [SetDigest] of the updates when it closed
	Committed  int64         // of the commit that stands; 0 where there is none, or it was lost
	CommitTerm uint64
	Agreed     uint64 // attestations equal to the commit, its own included
	Dissented  uint64
	Ended      int64
	OpenedBy   ledger.Digest // the OpenRound or DrawCohort whose result proves the peers' task
	Lost       []LostTerm    // terms whose commit did not become final, in all attempts, the oldest first
}

// Loss is why a commit did not become final.
type Loss string

// The ways to lose a term over a commit.
const (
	LossOutvoted Loss = "outvoted"       // dissent made a quorum impossible
	LossWithheld Loss = "withheld"       // the same, with the nodes that had withheld what the cohort was drawn by
	LossTimeout  Loss = "attest_timeout" // no quorum came together within attest_timeout_s
)

// LostTerm is a term that was lost over a round's commit. Commit and
// attestations stay in rows of their own.
type LostTerm struct {
	_         struct{} `cbor:",toarray"`
	Term      uint64
	Attempt   uint64
	Node      ledger.ID // that committed
	Loss      Loss
	Time      int64
	Agreed    uint64 // late words included
	Dissented uint64
}

// Cohort is the row of the peers that a round asks, ascending.
type Cohort struct {
	_       struct{} `cbor:",toarray"`
	Attempt uint64
	Peers   []ledger.ID
}

// Roster is the row of the peers that a round's cohort is drawn from, ascending.
type Roster struct {
	_       struct{} `cbor:",toarray"`
	Attempt uint64
	Peers   []ledger.ID
}

// HashChain is the row of the chain that a node has committed to last. See
// [cohort.Value].
type HashChain struct {
	_      struct{}      `cbor:",toarray"`
	Number uint64        // of the node's chains, from 1
	Next   uint64        // index that the next round is given; beyond [cohort.Length] the chain is used up
	Index  uint64        // of the greatest value that is known
	Known  ledger.Digest // that value
}

// Usable reports whether the chain has a value left for a round.
func (c *HashChain) Usable() bool { return c.Next <= cohort.Length }

// Draw is the row of how a round's cohort is drawn.
type Draw struct {
	_         struct{} `cbor:",toarray"`
	Attempt   uint64
	Opened    int64         // when the roster was frozen
	Roster    ledger.Digest // [cohort.RosterDigest]
	State     ledger.Digest // what the server remembered when the round began
	StateSize uint64
	Links     []Link        // of each node of the attesting group, in its order
	Quorate   int64         // when a quorum of nodes had revealed; 0 before
	Drawn     int64         // 0 before
	Seed      ledger.Digest // [cohort.Seed]; zero before
}

// Link is a node's part in a draw. Which value counts is fixed when the roster
// is frozen.
type Link struct {
	_        struct{} `cbor:",toarray"`
	Node     ledger.ID
	Chain    uint64        // number of its chain; 0 where it has none that is usable
	Index    uint64        // of the value to reveal
	Known    ledger.Digest // a value of the chain that was known then
	From     uint64        // the index of that
	Value    ledger.Digest // that it revealed
	Revealed int64         // 0: not yet, or withheld
}

// UpdateState says what a peer of the cohort has answered.
type UpdateState string

// The answers of a peer.
const (
	UpdateExpected  UpdateState = "expected"
	UpdateSubmitted UpdateState = "submitted"
	UpdateDeclined  UpdateState = "declined"
)

// Update is the row of a peer's answer in a round. A row of an earlier attempt
// than the round's is of no account.
type Update struct {
	_           struct{} `cbor:",toarray"`
	Attempt     uint64
	State       UpdateState
	Time        int64
	Digest      ledger.Digest // SHA-256 of the file
	Size        uint64        // bytes
	NumExamples uint64        // the peer's claim
	Metrics     Metrics       // the peer's claims
	Holders     []ledger.ID   // nodes whose receipts were given, ascending
	Reason      Decline
}

// Decline is why a peer takes no part in a round.
type Decline string

// The reasons of a peer.
const (
	DeclinedPolicy   Decline = "policy"   // its owner does not allow it
	DeclinedData     Decline = "data"     // it has no data that fits
	DeclinedTraining Decline = "training" // training ended with an error or diverged
)

// Declines lists the reasons of a peer.
func Declines() []Decline {
	return []Decline{DeclinedPolicy, DeclinedData, DeclinedTraining}
}

// Refused names an update that was left out of the average, and why.
type Refused struct {
	_      struct{} `cbor:",toarray"`
	Peer   ledger.ID
	Reason aggregator.Refusal
}

// Commit is the row of a round's claimed result. Where refusals leave fewer
// than min_train_peers, or the round began with another model than it must, it
// claims that the round is void and has no model.
type Commit struct {
	_         struct{} `cbor:",toarray"`
	Attempt   uint64
	Term      uint64
	Node      ledger.ID
	Time      int64
	Set       ledger.Digest // [SetDigest] of the updates averaged
	Count     uint64        // of them
	Weights   ledger.Digest // [WeightsDigest] of the same
	Model     ledger.Digest // SHA-256 of the average, zero where the round is void
	ModelSize uint64
	Refused   []Refused // peers ascending
	Input     bool      // claims that the round began with another model than it must
	Metrics   Metrics   // the node's claims
}

// State is the row of what the server remembers after a round, as the commit of
// a term claims it. There is none where the strategy remembers nothing.
type State struct {
	_      struct{}      `cbor:",toarray"`
	Digest ledger.Digest // SHA-256 of the file
	Size   uint64        // bytes
}

// Attestation is the row of a node's word on a commit.
type Attestation struct {
	_       struct{} `cbor:",toarray"`
	Attempt uint64
	Time    int64
	Set     ledger.Digest // as the node computed it
	Weights ledger.Digest
	Model   ledger.Digest
	Dissent Dissent
}

// Dissent is why a node does not agree with a commit; empty where it does.
type Dissent string

// The reasons of a node.
const (
	DissentInput     Dissent = "input"     // the commit is wrong about the model that the round began with
	DissentRefused   Dissent = "refused"   // the refused updates or their reasons differ
	DissentAvailable Dissent = "available" // an update called unavailable can be had from this node
	DissentSet       Dissent = "set"       // the set differs though the refusals are the same
	DissentWeights   Dissent = "weights"
	DissentModel     Dissent = "model"
	DissentState     Dissent = "state" // what the server remembers
)

// Dissents lists the reasons of a node.
func Dissents() []Dissent {
	return []Dissent{DissentInput, DissentRefused, DissentAvailable, DissentSet, DissentWeights, DissentModel, DissentState}
}

// Peer is the row of a peer that offers to take part in jobs.
type Peer struct {
	_            struct{} `cbor:",toarray"`
	Organisation ledger.ID
	Available    bool
	Since        int64
}
