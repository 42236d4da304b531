package v1

import (
	"encoding/json"

	"github.com/librum/librum/chain/ledger"
)

// Submission is one signed transaction or a batch of them; exactly one field
// is set.
type Submission struct {
	_ struct{} `additionalProperties:"false"`

	Transaction  string   `json:"transaction,omitempty" contentEncoding:"base64" doc:"One signed transaction (COSE_Sign1)."`
	Transactions []string `json:"transactions,omitempty" doc:"A batch of them."`
}

// Transaction is what became of a transaction.
type Transaction struct {
	ID       ledger.Digest `json:"id"`
	Executed bool          `json:"executed" doc:"False where it was refused at the door: nothing is on the log."`
	Position string        `json:"position,omitempty" example:"12.0"`
	LogTime  int64         `json:"log_time,omitempty" doc:"ms"`
	Code     ledger.Code   `json:"code" example:"ok"`
	Detail   string        `json:"detail,omitempty" doc:"For people; known to the node for a while only."`
	Events   []Event       `json:"events,omitempty"`
	Final    bool          `json:"final" doc:"A quorum signed its block."`
	// Content is there where the transaction was asked for by its id.
	Content *TransactionContent `json:"content,omitempty"`
}

// Outcome is what became of a transaction as the answer in CBOR has it, an array
// of these arrays. Events are as on the ledger.
type Outcome struct {
	_        struct{} `cbor:",toarray"`
	ID       ledger.Digest
	Executed bool // false where it was refused at the door: nothing is on the log
	Code     ledger.Code
	Detail   string // for people
	Position ledger.Position
	LogTime  int64 // ms
	Final    bool  // a quorum signed its block
	Events   []ledger.Event
}

// TransactionContent is what a stored transaction says.
type TransactionContent struct {
	Height    uint64          `json:"height"`
	Encoded   []byte          `json:"encoded" doc:"The signed bytes."`
	Sender    ledger.ID       `json:"sender"`
	Key       ledger.Digest   `json:"key" doc:"Id of the key that signed."`
	Delegated bool            `json:"delegated,omitempty" doc:"A node holds that key for the sender, who listed it as its delegate."`
	Contract  string          `json:"contract"`
	Method    string          `json:"method"`
	Args      json.RawMessage `json:"args,omitempty" doc:"Decoded arguments."`
	Expiry    int64           `json:"expiry" doc:"Log time, ms."`
}

// Batch is what became of a batch, in the order it was sent.
type Batch struct {
	Transactions []Transaction `json:"transactions" nullable:"false"`
}

// Event is what a contract said about a transaction.
type Event struct {
	Type     string          `json:"type" example:"round.final"`
	Position string          `json:"position,omitempty" example:"12.0"`
	N        int             `json:"n" doc:"Place among the events of the transaction."`
	LogTime  int64           `json:"log_time,omitempty" doc:"ms"`
	Data     json.RawMessage `json:"data" doc:"The event's data; byte strings of 16 and 32 bytes as hexadecimal digits, others as base64."`
}

// Proof shows that a transaction had its result in a block that a quorum
// signed.
type Proof struct {
	Proof      []byte          `json:"proof" doc:"The whole proof in deterministic CBOR, which verifiers read."`
	Result     Result          `json:"result"`
	Header     Header          `json:"header"`
	Index      uint64          `json:"index" doc:"Of the result among the block's results."`
	Size       uint64          `json:"size" doc:"Number of results in the block."`
	Path       []ledger.Digest `json:"path" nullable:"false" doc:"RFC 6962 audit path."`
	Signatures []Signature     `json:"signatures" nullable:"false"`
}
