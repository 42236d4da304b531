package v1

import "github.com/librum/librum/chain/ledger"

// PositionHeader is the header of every answer: the offset of the log up to
// which the answer is true.
const PositionHeader = "Librum-Position"

// Status is where the node stands.
type Status struct {
	Chain     ledger.Digest `json:"chain" doc:"SHA-256 of the genesis file."`
	Name      string        `json:"name" doc:"Name of the chain, for people."`
	Shard     uint32        `json:"shard"`
	Node      ledger.ID     `json:"node" doc:"The node that answers."`
	Next      uint64        `json:"next" doc:"Offset of the next record to execute."`
	Last      string        `json:"last" example:"14.3" doc:"Position of the newest executed transaction."`
	LogTime   int64         `json:"log_time" doc:"Log time, ms."`
	Height    uint64        `json:"height" doc:"Blocks stored."`
	Epoch     uint64        `json:"epoch" doc:"Of the group that signs the block being made."`
	Signs     bool          `json:"signs" doc:"This node is in that group, with its key."`
	Final     uint64        `json:"final" doc:"Newest height that a quorum signed."`
	FinalHash ledger.Digest `json:"final_hash" doc:"SHA-256 of that header: the chain hash."`
	NotFinal  int           `json:"not_final" doc:"Blocks stored and not final."`
	InFlight  int           `json:"in_flight" doc:"Transactions let in and not executed yet."`
	Diverged  bool          `json:"diverged" doc:"This node's header differs from the quorum's."`
	Skipped   uint64        `json:"skipped" doc:"Records skipped since the start."`
}

// Header is a block's header.
type Header struct {
	Height       uint64        `json:"height"`
	Hash         ledger.Digest `json:"hash" doc:"SHA-256 of the encoded header."`
	Previous     ledger.Digest `json:"previous"`
	Epoch        uint64        `json:"epoch"`
	Records      ledger.Digest `json:"records_root"`
	Transactions ledger.Digest `json:"transactions_root"`
	Results      ledger.Digest `json:"results_root"`
	State        ledger.Digest `json:"state" doc:"Commitment to the state after the block."`
	First        string        `json:"first" example:"12.0" doc:"Position of the first transaction."`
	Last         string        `json:"last" example:"14.3" doc:"Position of the last transaction."`
	LogTime      int64         `json:"log_time" doc:"ms"`
	Final        bool          `json:"final" doc:"A quorum signed it."`
}

// Blocks is a page of headers.
type Blocks struct {
	Blocks     []Header `json:"blocks" nullable:"false"`
	NextCursor string   `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Block is a block with what was in it.
type Block struct {
	Header

	Encoded    []byte      `json:"encoded" doc:"The header's bytes, for checking signatures."`
	Signatures []Signature `json:"signatures" nullable:"false"`
	NumRecords int         `json:"num_records"`
	Skipped    int         `json:"num_skipped" doc:"Records of strangers, kept as digests."`
	Results    []Result    `json:"results" nullable:"false"`
}

// Signature is a node's signature of a header.
type Signature struct {
	Node      ledger.ID `json:"node"`
	Signature []byte    `json:"signature" doc:"Ed25519, 64 bytes."`
}

// Result is the outcome of a transaction as it stands in a block.
type Result struct {
	ID       ledger.Digest `json:"id"`
	Position string        `json:"position"`
	Code     ledger.Code   `json:"code" example:"ok"`
}

// Groups says which nodes sign the blocks, and proves it.
type Groups struct {
	Epoch uint64  `json:"epoch" doc:"Of the group that signs the block being made."`
	Next  []Group `json:"groups" nullable:"false" doc:"The groups that the trail leads to."`
	Trail []byte  `json:"trail" doc:"Deterministic CBOR: the proof of these groups. Ask again from the last of them for more."`
}

// Group is the nodes that sign the blocks of an epoch.
type Group struct {
	Epoch  uint64        `json:"epoch"`
	First  uint64        `json:"first_height" doc:"Of the blocks that it signs."`
	Digest ledger.Digest `json:"digest" doc:"What the header before announces."`
	Nodes  []GroupNode   `json:"nodes" nullable:"false"`
}

// GroupNode is a node of a group.
type GroupNode struct {
	Node         ledger.ID `json:"node"`
	Organisation ledger.ID `json:"organisation"`
	Key          []byte    `json:"key" doc:"Ed25519 public key."`
}

// Account is what the ledger knows under an id.
type Account struct {
	ID       ledger.ID     `json:"id"`
	Balance  ledger.Amount `json:"balance" doc:"In the smallest unit, decimal."`
	Symbol   string        `json:"symbol" example:"LCNC"`
	Decimals uint8         `json:"decimals" example:"18"`
	Member   *Member       `json:"member,omitempty" doc:"Missing where the account is no member."`
}

// Member is the standing of a member.
type Member struct {
	Organisation ledger.ID   `json:"organisation"`
	Roles        []string    `json:"roles" nullable:"false"`
	Status       string      `json:"status" enum:"active,frozen,revoked"`
	Expiry       int64       `json:"expiry,omitempty" doc:"Log time after which it may not act, ms; missing where it has none."`
	Keys         []MemberKey `json:"keys" nullable:"false"`
}

// MemberKey is a key of a member with its validity.
type MemberKey struct {
	ID    ledger.Digest `json:"id" doc:"SHA-256 of the public key."`
	Key   []byte        `json:"key" doc:"Ed25519 public key."`
	From  int64         `json:"from" doc:"Log time, ms."`
	Until int64         `json:"until,omitempty" doc:"Log time, ms; missing while it has no end."`
}
