package contract

import (
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	"github.com/librum/librum/fl/job"
)

// RevealPreimage is the arguments of the method of that name: the value of the
// sender's chain at the index that the round was given.
type RevealPreimage struct {
	Job     ledger.Digest `cbor:"job"`
	Round   uint64        `cbor:"round"`
	Attempt uint64        `cbor:"attempt"`
	Value   ledger.Digest `cbor:"value"`
}

func revealFootprint(call contract.Call, a *RevealPreimage) (contract.Footprint, error) {
	return contract.Footprint{
		Reads:  []contract.Key{members.MemberRow(call.Sender), JobRow(a.Job), RoundRow(a.Job, a.Round)},
		Writes: []contract.Key{DrawRow(a.Job, a.Round), HashChainRow(call.Sender)},
	}, nil
}

func reveal(env *contract.Env, call contract.Call, a *RevealPreimage) error {
	if _, err := members.Require(env, call.Sender, identity.RoleNode); err != nil {
		return err
	}
	if _, err := activeJob(env, a.Job); err != nil {
		return err
	}
	r, draw, err := drawing(env, a.Job, a.Round, a.Attempt)
	if err != nil {
		return err
	}
	l := draw.Link(call.Sender)
	switch at, fixed := draw.Deadline(); {
	case l == nil:
		return contract.Errorf(CodeNotInGroup, "node %s does not attest round %d", call.Sender, a.Round)
	case l.Revealed != 0:
		return contract.Errorf(CodeAnswered, "node %s has revealed its value for round %d", call.Sender, a.Round)
	case fixed && env.LogTime() >= at:
		return contract.Errorf(CodeWithheld, "a quorum has revealed, and others could until log time %d", at)
	case l.Chain == 0 || !cohort.Leads(a.Value, l.Known, l.Index-l.From):
		return contract.Errorf(CodeBadReveal, "it is not the value of index %d of chain %d of node %s", l.Index, l.Chain, call.Sender)
	}
	l.Value, l.Revealed = a.Value, env.LogTime()
	revealed := draw.Revealed()
	if revealed == r.Quorum() {
		draw.Quorate = env.LogTime()
	}
	if err := contract.Store(env, DrawRow(a.Job, a.Round), draw); err != nil {
		return err
	}
	if err := learn(env, call.Sender, l); err != nil {
		return err
	}
	return env.Emit(EventRoundRevealed, &RoundRevealed{
		Job: a.Job, Round: a.Round, Attempt: a.Attempt, Node: call.Sender, Value: a.Value, Revealed: revealed, Nodes: r.Nodes,
	})
}

// learn notes the greatest value that is known of the node's chain, from which
// later ones are checked in fewer steps.
func learn(env *contract.Env, node ledger.ID, l *Link) error {
	c, ok, err := LoadHashChain(env, node)
	if err != nil || !ok {
		return missing(HashChainRow(node), err)
	}
	if c.Number != l.Chain || c.Index >= l.Index {
		return nil
	}
	c.Index, c.Known = l.Index, l.Value
	return contract.Store(env, HashChainRow(node), c)
}

// drawing loads a round whose cohort is being drawn, if that is the attempt at
// work.
func drawing(env *contract.Env, id ledger.Digest, number, attempt uint64) (*Round, *Draw, error) {
	r, err := roundIn(env, id, number, job.RoundDrawing)
	if err != nil {
		return nil, nil, err
	}
	if r.Attempt != attempt {
		return nil, nil, contract.Errorf(CodeRoundState, "round %d is in attempt %d, not %d", number, r.Attempt, attempt)
	}
	draw, ok, err := LoadDraw(env, id, number)
	if err != nil || !ok {
		return nil, nil, missing(DrawRow(id, number), err)
	}
	return r, draw, nil
}
