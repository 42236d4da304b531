package v1

import (
	"encoding/json"

	"github.com/librum/librum/chain/ledger"
)

// Peer is a training participant.
type Peer struct {
	ID           ledger.ID `json:"id"`
	Organisation ledger.ID `json:"organisation"`
	Available    bool      `json:"available" doc:"It offers to take part."`
	Since        int64     `json:"since" doc:"Log time, ms."`
}

// Peers is a page of peers.
type Peers struct {
	Peers      []Peer `json:"peers" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// Task asks a peer to train in a round.
type Task struct {
	Job      ledger.Digest   `json:"job"`
	Round    uint64          `json:"round"`
	Attempt  uint64          `json:"attempt" doc:"Of the round: one that was void is opened again."`
	Spec     json.RawMessage `json:"spec" doc:"The job spec; believe the one in the proof."`
	Model    File            `json:"model" doc:"The model to begin with, at /v1/blobs/{digest}."`
	Proof    []byte          `json:"proof" doc:"Proof of the OpenRound or DrawCohort transaction in CBOR; check it before training."`
	Deadline int64           `json:"deadline" doc:"Log time, ms: the round may close without whoever is later."`
}

// NewUpload announces an update.
type NewUpload struct {
	_ struct{} `additionalProperties:"false"`

	Job    ledger.Digest `json:"job"`
	Round  uint64        `json:"round" minimum:"1"`
	Peer   ledger.ID     `json:"peer"`
	Size   int64         `json:"size" minimum:"1" doc:"Bytes."`
	Digest ledger.Digest `json:"digest" doc:"SHA-256 of the whole file."`
}

// Upload is where an upload stands.
type Upload struct {
	ID       ledger.ID     `json:"id"`
	Job      ledger.Digest `json:"job"`
	Round    uint64        `json:"round"`
	Peer     ledger.ID     `json:"peer"`
	Digest   ledger.Digest `json:"digest"`
	Size     int64         `json:"size" doc:"Bytes."`
	Offset   int64         `json:"offset" doc:"Bytes that are durable; go on from there."`
	Complete bool          `json:"complete" doc:"The file is whole and has its digest."`
	Receipts [][]byte      `json:"receipts,omitempty" doc:"Signed receipts of nodes that hold it, for SubmitUpdate."`
}
