package contract

import "github.com/librum/librum/chain/ledger"

// The codes of this contract, beside the general ones of chain/contract.
const (
	CodeBadSpec     ledger.Code = "bad_spec"      // the job spec is out of range
	CodeTooMany     ledger.Code = "too_many"      // the creator has too many active jobs
	CodeJobOver     ledger.Code = "job_over"      // the job is finished, failed or cancelled
	CodeStaleTerm   ledger.Code = "stale_term"    // not the job's newest term, or not its holder
	CodeRoundState  ledger.Code = "round_state"   // the round's state does not allow it
	CodeNotInCohort ledger.Code = "not_in_cohort" // the round does not ask this peer
	CodeAnswered    ledger.Code = "answered"      // the peer or node has had its say in this round
	CodeBadReceipt  ledger.Code = "bad_receipt"   // a receipt does not hold, or there are too few
	CodeBarred      ledger.Code = "barred"        // the node was outvoted in this job and takes no further term
	CodeBadReveal   ledger.Code = "bad_reveal"    // what was revealed is not what the node had committed to
	CodeWithheld    ledger.Code = "withheld"      // the node revealed nothing for the round and does not attest it
	CodeNotInGroup  ledger.Code = "not_in_group"  // the node is not of the attesting group
)
