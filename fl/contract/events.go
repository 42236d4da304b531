package contract

import (
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// The types of events. All data are maps, and all but a peer's
// and a node's own have a "job".
const (
	EventPeerRegistered  = "peer.registered"  // [PeerRegistered]
	EventJobCreated      = "job.created"      // [JobCreated]
	EventJobFinished     = "job.finished"     // [JobEnded]
	EventJobFailed       = "job.failed"       // [JobEnded]
	EventJobCancelled    = "job.cancelled"    // [JobEnded]
	EventTermTaken       = "term.taken"       // [TermChanged]
	EventTermGivenUp     = "term.given_up"    // [TermChanged]
	EventTermLost        = "term.lost"        // [TermLost]
	EventChainCommitted  = "chain.committed"  // [ChainCommitted]
	EventRoundDrawing    = "round.drawing"    // [RoundDrawing]
	EventRoundRevealed   = "round.revealed"   // [RoundRevealed]
	EventRoundOpened     = "round.opened"     // [RoundOpened]
	EventUpdateSubmitted = "update.submitted" // [UpdateAnswered]
	EventUpdateDeclined  = "update.declined"  // [UpdateAnswered]
	EventRoundClosed     = "round.closed"     // [RoundClosed]
	EventRoundVoid       = "round.void"       // [RoundEnded]
	EventRoundCommitted  = "round.committed"  // [RoundCommitted]
	EventRoundAttested   = "round.attested"   // [RoundAttested]
	EventRoundFinal      = "round.final"      // [RoundEnded]
	EventRoundFailed     = "round.failed"     // [RoundEnded]
)

// PeerRegistered says that a peer offers to take part, or no longer does.
type PeerRegistered struct {
	Peer      ledger.ID `cbor:"peer"`
	Available bool      `cbor:"available"`
}

// JobCreated says that a job exists.
type JobCreated struct {
	Job     ledger.Digest `cbor:"job"`
	Creator ledger.ID     `cbor:"creator"`
	Spec    job.Spec      `cbor:"spec"`
}

// JobEnded says how a job ended. The model is the newest that stood.
type JobEnded struct {
	Job       ledger.Digest `cbor:"job"`
	State     job.State     `cbor:"state"`
	Reason    job.Reason    `cbor:"reason"`
	Rounds    uint64        `cbor:"rounds"` // final ones
	Model     ledger.Digest `cbor:"model"`
	ModelSize uint64        `cbor:"model_size"`
	Card      ledger.Digest `cbor:"card"` // zero unless finished
	CardSize  uint64        `cbor:"card_size"`
}

// TermChanged names the holder of a term that begins or was given up.
type TermChanged struct {
	Job    ledger.Digest `cbor:"job"`
	Term   uint64        `cbor:"term"`
	Holder ledger.ID     `cbor:"holder"`
}

// TermLost says that a commit will not become final, so that another node
// commits over the same set, and how many terms the round has lost with it.
type TermLost struct {
	Job       ledger.Digest `cbor:"job"`
	Round     uint64        `cbor:"round"`
	Attempt   uint64        `cbor:"attempt"`
	Term      uint64        `cbor:"term"` // of the commit
	Node      ledger.ID     `cbor:"node"` // that committed
	Loss      Loss          `cbor:"loss"`
	Model     ledger.Digest `cbor:"model"` // that it committed
	Agreed    uint64        `cbor:"agreed"`
	Dissented uint64        `cbor:"dissented"`
	Nodes     uint64        `cbor:"nodes"`
	Lost      uint64        `cbor:"lost"` // terms over this round, this one included
}

// ChainCommitted says that a node has committed to a hash chain.
type ChainCommitted struct {
	Node   ledger.ID     `cbor:"node"`
	Number uint64        `cbor:"number"` // of the node's chains
	Anchor ledger.Digest `cbor:"anchor"`
}

// RoundDrawing says that a round's roster is frozen and its cohort will be drawn
// by what the nodes reveal.
type RoundDrawing struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Term    uint64        `cbor:"term"`
	Model   ledger.Digest `cbor:"model"`
	Roster  ledger.Digest `cbor:"roster"` // digest of it
	Peers   uint64        `cbor:"peers"`  // in it
	Links   []Link        `cbor:"links"`  // what each node is to reveal
}

// RoundRevealed says that a node has revealed its value.
type RoundRevealed struct {
	Job      ledger.Digest `cbor:"job"`
	Round    uint64        `cbor:"round"`
	Attempt  uint64        `cbor:"attempt"`
	Node     ledger.ID     `cbor:"node"`
	Value    ledger.Digest `cbor:"value"`
	Revealed uint64        `cbor:"revealed"` // so far, this one included
	Nodes    uint64        `cbor:"nodes"`
}

// RoundOpened is what the proof of a task proves: all that a peer needs to
// train. Round and job spec give the randomness of training. It comes with
// OpenRound, or with DrawCohort where the cohort was drawn.
type RoundOpened struct {
	Job       ledger.Digest `cbor:"job"`
	Creator   ledger.ID     `cbor:"creator"` // who asks; the owner of the data decides by it
	Round     uint64        `cbor:"round"`
	Attempt   uint64        `cbor:"attempt"`
	Term      uint64        `cbor:"term"`
	Model     ledger.Digest `cbor:"model"`
	ModelSize uint64        `cbor:"model_size"`
	State     ledger.Digest `cbor:"state,omitzero"` // what the server remembers, where the strategy has any
	StateSize uint64        `cbor:"state_size,omitempty"`
	Cohort    []ledger.ID   `cbor:"cohort"`
	Spec      job.Spec      `cbor:"spec"`
	Deadline  int64         `cbor:"deadline"` // log time, ms: the round may close without whoever is later

	// Where the cohort was drawn:
	Seed     ledger.Digest `cbor:"seed,omitzero"`
	Roster   uint64        `cbor:"roster,omitempty"`   // peers that it was drawn from
	Withheld []ledger.ID   `cbor:"withheld,omitempty"` // nodes that revealed nothing, ascending; they do not attest the round
}

// UpdateAnswered says what a peer answered; digest, size and examples are
// there for a submission, the reason for a refusal.
type UpdateAnswered struct {
	Job         ledger.Digest `cbor:"job"`
	Round       uint64        `cbor:"round"`
	Attempt     uint64        `cbor:"attempt"`
	Peer        ledger.ID     `cbor:"peer"`
	Digest      ledger.Digest `cbor:"digest"`
	Size        uint64        `cbor:"size"`
	NumExamples uint64        `cbor:"num_examples"`
	Metrics     Metrics       `cbor:"metrics,omitempty"`
	Reason      Decline       `cbor:"reason"`
	Submitted   uint64        `cbor:"submitted"` // so far, this one included
	Declined    uint64        `cbor:"declined"`
	Cohort      uint64        `cbor:"cohort"` // peers asked
}

// RoundClosed says that the set of updates is fixed.
type RoundClosed struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Term    uint64        `cbor:"term"`
	Set     ledger.Digest `cbor:"set"`
	Count   uint64        `cbor:"count"`
}

// RoundCommitted says what a node claims as the round's result.
type RoundCommitted struct {
	Job       ledger.Digest `cbor:"job"`
	Round     uint64        `cbor:"round"`
	Attempt   uint64        `cbor:"attempt"`
	Term      uint64        `cbor:"term"`
	Node      ledger.ID     `cbor:"node"`
	Set       ledger.Digest `cbor:"set"`
	Count     uint64        `cbor:"count"`
	Weights   ledger.Digest `cbor:"weights"`
	Model     ledger.Digest `cbor:"model"`
	ModelSize uint64        `cbor:"model_size"`
	State     ledger.Digest `cbor:"state,omitzero"`
	StateSize uint64        `cbor:"state_size,omitempty"`
	Refused   []Refused     `cbor:"refused,omitempty"`
	Input     bool          `cbor:"input,omitempty"`
	Metrics   Metrics       `cbor:"metrics,omitempty"`
}

// RoundAttested is a node's word on a commit.
type RoundAttested struct {
	Job       ledger.Digest `cbor:"job"`
	Round     uint64        `cbor:"round"`
	Attempt   uint64        `cbor:"attempt"`
	Term      uint64        `cbor:"term"`
	Node      ledger.ID     `cbor:"node"`
	Dissent   Dissent       `cbor:"dissent"` // empty where it agrees
	Agreed    uint64        `cbor:"agreed"`
	Dissented uint64        `cbor:"dissented"`
	Nodes     uint64        `cbor:"nodes"`
}

// RoundEnded says that a round is final, void or failed. Model is the one
// that the next round begins with.
type RoundEnded struct {
	Job       ledger.Digest  `cbor:"job"`
	Round     uint64         `cbor:"round"`
	Attempt   uint64         `cbor:"attempt"`
	State     job.RoundState `cbor:"state"`
	Model     ledger.Digest  `cbor:"model"`
	ModelSize uint64         `cbor:"model_size"`
	Metrics   Metrics        `cbor:"metrics,omitempty"` // of the commit
}
