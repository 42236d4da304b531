package contract

import (
	"encoding/binary"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Name is the contract's name.
const Name = "fl"

// The prefixes of this contract's rows. Behind a prefix stand raw bytes: ids
// of 32 or 16 bytes, rounds and terms as 8 bytes big-endian, so that
// a scan goes in order.
const (
	Prefix       = Name + "/"
	PrefixJob    = Prefix + "job/"    // + job
	PrefixActive = Prefix + "active/" // + creator
	PrefixTerm   = Prefix + "term/"   // + job
	PrefixRound  = Prefix + "round/"  // + job + round
	PrefixCohort = Prefix + "cohort/" // + job + round
	PrefixRoster = Prefix + "roster/" // + job + round
	PrefixDraw   = Prefix + "draw/"   // + job + round
	PrefixChain  = Prefix + "hashes/" // + node
	PrefixGroup  = Prefix + "group/"  // + job + round
	PrefixUpdate = Prefix + "update/" // + job + round + peer
	PrefixCommit = Prefix + "commit/" // + job + round + term
	PrefixAttest = Prefix + "attest/" // + job + round + term + node
	PrefixState  = Prefix + "state/"  // + job + round + term
	PrefixPeer   = Prefix + "peer/"   // + peer
	ChainRow     = contract.Key(Prefix + "chain")
)

// JobRow returns the key of a [Job].
func JobRow(job ledger.Digest) contract.Key { return contract.Key(PrefixJob + string(job[:])) }

// ActiveRow returns the key of a creator's [Active] jobs.
func ActiveRow(creator ledger.ID) contract.Key {
	return contract.Key(PrefixActive + string(creator[:]))
}

// TermRow returns the key of a job's [Term].
func TermRow(job ledger.Digest) contract.Key { return contract.Key(PrefixTerm + string(job[:])) }

// RoundRow returns the key of a [Round].
func RoundRow(job ledger.Digest, round uint64) contract.Key { return key(PrefixRound, job, round) }

// CohortRow returns the key of a round's [Cohort].
func CohortRow(job ledger.Digest, round uint64) contract.Key { return key(PrefixCohort, job, round) }

// RosterRow returns the key of a round's [Roster].
func RosterRow(job ledger.Digest, round uint64) contract.Key { return key(PrefixRoster, job, round) }

// DrawRow returns the key of a round's [Draw].
func DrawRow(job ledger.Digest, round uint64) contract.Key { return key(PrefixDraw, job, round) }

// HashChainRow returns the key of a node's [HashChain].
func HashChainRow(node ledger.ID) contract.Key { return contract.Key(PrefixChain + string(node[:])) }

// GroupRow returns the key of a round's attesting group, a [ledger.Group].
func GroupRow(job ledger.Digest, round uint64) contract.Key { return key(PrefixGroup, job, round) }

// UpdateRow returns the key of a peer's [Update].
func UpdateRow(job ledger.Digest, round uint64, peer ledger.ID) contract.Key {
	return key(PrefixUpdate, job, round) + contract.Key(peer[:])
}

// CommitRow returns the key of the [Commit] made in a term.
func CommitRow(job ledger.Digest, round, term uint64) contract.Key {
	return key(PrefixCommit, job, round, term)
}

// StateRow returns the key of the [State] that the commit of a term leaves.
func StateRow(job ledger.Digest, round, term uint64) contract.Key {
	return key(PrefixState, job, round, term)
}

// AttestRow returns the key of a node's [Attestation] of a term's commit.
func AttestRow(job ledger.Digest, round, term uint64, node ledger.ID) contract.Key {
	return key(PrefixAttest, job, round, term) + contract.Key(node[:])
}

// PeerRow returns the key of a [Peer].
func PeerRow(peer ledger.ID) contract.Key { return contract.Key(PrefixPeer + string(peer[:])) }

// RoundPrefix returns the prefix of a round's rows of one kind: the updates of
// a round are those behind RoundPrefix(PrefixUpdate, job, round).
func RoundPrefix(prefix string, job ledger.Digest, round uint64) string {
	return string(key(prefix, job, round))
}

func key(prefix string, job ledger.Digest, numbers ...uint64) contract.Key {
	b := make([]byte, 0, len(prefix)+len(job)+8*len(numbers))
	b = append(b, prefix...)
	b = append(b, job[:]...)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return contract.Key(b)
}
