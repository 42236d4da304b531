package v1

import (
	"encoding/json"

	"github.com/librum/librum/chain/ledger"
)

// Governance is what all nodes have agreed on.
type Governance struct {
	Height        uint64         `json:"height" doc:"Of the block being made, at least: a proposal names a later one."`
	LogTime       int64          `json:"log_time" doc:"ms"`
	Protocol      uint64         `json:"protocol" doc:"Version of the rule set in force."`
	Limits        Limits         `json:"limits"`
	Quorum        int            `json:"quorum" doc:"Organisations that a proposal takes."`
	Organisations []Organisation `json:"organisations" nullable:"false"`
	Epoch         uint64         `json:"epoch"`
	Nodes         []GroupNode    `json:"nodes" nullable:"false" doc:"The group that signs the block being made."`
	Suspended     []ledger.ID    `json:"suspended" nullable:"false" doc:"Nodes whose signatures don't count."`
	CAs           []CA           `json:"cas" nullable:"false"`
}

// Limits bound what blocks and transactions may hold.
type Limits struct {
	BlockTransactions uint32 `json:"block_transactions"`
	BlockBytes        uint32 `json:"block_bytes"`
	MaxTTL            int64  `json:"max_ttl" doc:"How far ahead an expiry may lie, ms."`
}

// Organisation is one that stands.
type Organisation struct {
	ID   ledger.ID `json:"id"`
	Name string    `json:"name"`
}

// CA is a certificate authority that was ever agreed on.
type CA struct {
	Certificate  ledger.Digest `json:"certificate" doc:"SHA-256 of its DER."`
	Organisation ledger.ID     `json:"organisation"`
	Key          []byte        `json:"key" doc:"Ed25519 public key."`
	From         int64         `json:"from" doc:"Log time, ms."`
	Until        int64         `json:"until" doc:"Log time from which it may not vouch, ms."`
	Removed      bool          `json:"removed"`
}

// Proposals is a page of proposals.
type Proposals struct {
	Proposals  []Proposal `json:"proposals" nullable:"false"`
	NextCursor string     `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Proposal is a change that organisations decide on.
type Proposal struct {
	ID           ledger.Digest   `json:"id" doc:"Of the transaction that proposed it."`
	State        string          `json:"state" enum:"open,passed,active,failed,withdrawn,expired"`
	Kind         string          `json:"kind" example:"add_node" doc:"Name of the action."`
	Action       json.RawMessage `json:"action" doc:"What it does, under its name."`
	Height       uint64          `json:"height" doc:"The first block that the change holds for."`
	Organisation ledger.ID       `json:"organisation" doc:"That proposed."`
	Created      int64           `json:"created" doc:"Log time, ms."`
	Expiry       int64           `json:"expiry" doc:"Log time after which it takes no approvals, ms."`
	Decided      int64           `json:"decided,omitempty" doc:"Log time, ms; missing while it is open."`
	Failure      ledger.Code     `json:"failure,omitempty" doc:"Why its change did not fit any more."`
	Approvals    []Approval      `json:"approvals" nullable:"false"`
	Withdrawals  []Approval      `json:"withdrawals,omitempty" doc:"Of organisations that want it back since it passed; as many as pass one withdraw it."`
	Quorum       int             `json:"quorum" doc:"Approvals that it takes, of the organisations that stand now."`
}

// Approval is an organisation's agreement.
type Approval struct {
	Organisation ledger.ID `json:"organisation"`
	Officer      ledger.ID `json:"officer"`
	Time         int64     `json:"time" doc:"Log time, ms."`
	Counts       bool      `json:"counts" doc:"The organisation stands, and the officer was not replaced since."`
}

// KeyOwner says whose a key is.
type KeyOwner struct {
	Member    ledger.ID `json:"member"`
	Delegated bool      `json:"delegated" doc:"A node holds it for the member."`
}
