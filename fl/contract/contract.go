package contract

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// The methods. RolePeer sends the peer's, RoleMember creates and cancels,
// RoleNode sends all others.
const (
	MethodCreateJob     = "CreateJob"
	MethodCancelJob     = "CancelJob"
	MethodRegisterPeer  = "RegisterPeer"
	MethodTakeTerm      = "TakeTerm"
	MethodRenewTerm     = "RenewTerm"
	MethodGiveUpTerm    = "GiveUpTerm"
	MethodOpenRound     = "OpenRound"
	MethodCommitChain   = "CommitChain"
	MethodReveal        = "RevealPreimage"
	MethodDrawCohort    = "DrawCohort"
	MethodSubmitUpdate  = "SubmitUpdate"
	MethodDeclineUpdate = "DeclineUpdate"
	MethodCloseRound    = "CloseRound"
	MethodCommitRound   = "CommitRound"
	MethodAttestRound   = "AttestRound"
	MethodExpireCommit  = "ExpireCommit"
	MethodCloseJob      = "CloseJob"
)

// New returns the contract.
func New() contract.Contract {
	return contract.Contract{
		Name:    Name,
		Summary: "Federated jobs: terms, rounds, updates and attestations.",
		Methods: []contract.Method{
			contract.Handle(MethodCreateJob, "Creates a job from a spec.", createJobFootprint, createJob),
			contract.Handle(MethodCancelJob, "Ends a job of the sender's.", cancelJobFootprint, cancelJob),
			contract.Handle(MethodRegisterPeer, "Offers the sender as a peer, or withdraws it.", registerPeerFootprint, registerPeer),
			contract.Handle(MethodTakeTerm, "Makes the sender the job's coordinator.", takeTermFootprint, takeTerm),
			contract.Handle(MethodRenewTerm, "Keeps the sender's term.", renewTermFootprint, renewTerm),
			contract.Handle(MethodGiveUpTerm, "Frees the sender's term for others.", giveUpTermFootprint, giveUpTerm),
			contract.Handle(MethodCommitChain, "Commits the sender to a hash chain.", commitChainFootprint, commitChain),
			contract.Handle(MethodOpenRound, "Opens a round and freezes its roster.", openRoundFootprint, openRound),
			contract.Handle(MethodReveal, "Reveals what the sender's chain has for a round.", revealFootprint, reveal),
			contract.Handle(MethodDrawCohort, "Draws a round's cohort by what was revealed.", drawCohortFootprint, drawCohort),
			contract.Handle(MethodSubmitUpdate, "Submits the sender's update.", submitUpdateFootprint, submitUpdate),
			contract.Handle(MethodDeclineUpdate, "Says that the sender sends no update.", declineUpdateFootprint, declineUpdate),
			contract.Handle(MethodCloseRound, "Fixes the set of updates, or finds the round void.", closeRoundFootprint, closeRound),
			contract.Handle(MethodCommitRound, "Claims the result of a round.", commitRoundFootprint, commitRound),
			contract.Handle(MethodAttestRound, "Says whether the sender came to the same result.", attestRoundFootprint, attestRound),
			contract.Handle(MethodExpireCommit, "Passes the term on where no quorum attested in time.", expireCommitFootprint, expireCommit),
			contract.Handle(MethodCloseJob, "Ends a job with its model card, or as failed.", closeJobFootprint, closeJob),
		},
		Genesis: genesis,
	}
}

// genesis writes which chain receipts must name: the digest of the genesis
// file, whose bytes are its encoding.
func genesis(g *ledger.Genesis, env *contract.Env) error {
	id, err := digest(g)
	if err != nil {
		return err
	}
	return contract.Store(env, ChainRow, &Chain{Chain: id, Shard: g.Shard})
}
