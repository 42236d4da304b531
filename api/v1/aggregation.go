package v1

import (
	"encoding/json"

	"github.com/librum/librum/chain/ledger"
)

// NewAggregation asks for the aggregator without a job.
type NewAggregation struct {
	_ struct{} `additionalProperties:"false"`

	Strategy AggregationStrategy `json:"strategy"`
	Momentum float64             `json:"momentum,omitempty" minimum:"0" maximum:"1" doc:"Of the training that made the updates, for fednova."`
	Cohort   uint64              `json:"cohort,omitempty" maximum:"4096" doc:"How many were asked for updates, for scaffold; 0: as many as there are."`
}

// AggregationStrategy is a strategy as in a job spec.
type AggregationStrategy struct {
	_ struct{} `additionalProperties:"false"`

	Name   string             `json:"name" maxLength:"64"`
	Params map[string]float64 `json:"params,omitempty"`
	Clip   *AggregationPart   `json:"clip,omitempty" doc:"Bound on how far an update may lie from the global model."`
	Mean   *AggregationPart   `json:"mean,omitempty" doc:"Mean under a server optimiser."`
	Root   string             `json:"root,omitempty" maxLength:"64" doc:"Name of the update that fltrust trusts."`
}

// AggregationPart is what a strategy nests.
type AggregationPart struct {
	_ struct{} `additionalProperties:"false"`

	Name   string             `json:"name" maxLength:"64"`
	Params map[string]float64 `json:"params,omitempty"`
}

// Aggregation is an aggregation as it stands.
type Aggregation struct {
	ID          ledger.Digest   `json:"id"`
	Creator     ledger.ID       `json:"creator"`
	Created     int64           `json:"created" doc:"By this node's clock, ms, as all times here."`
	Expires     int64           `json:"expires" doc:"It is deleted then, unless something happens to it before."`
	State       string          `json:"state" enum:"open,running,done,failed"`
	Reason      string          `json:"reason,omitempty" doc:"Why it failed. It takes inputs again."`
	Inputs      int             `json:"inputs" doc:"Announced."`
	Complete    int             `json:"complete" doc:"Of them, with all bytes."`
	Bytes       int64           `json:"bytes" doc:"Announced inputs and results."`
	Averaged    uint64          `json:"averaged" doc:"Updates that took part, once done."`
	NumExamples uint64          `json:"num_examples" doc:"Of these."`
	Refused     []RefusedInput  `json:"refused,omitempty" doc:"Updates that took no part."`
	Model       *File           `json:"model,omitempty" doc:"The result, once done. Its digest is a function of the strategy and the inputs."`
	Memory      *File           `json:"memory,omitempty" doc:"What the server remembers for the next aggregation, where the strategy has any."`
	Strategy    json.RawMessage `json:"strategy" doc:"With all defaults filled in."`
	Momentum    float64         `json:"momentum"`
	Cohort      uint64          `json:"cohort"`
}

// RefusedInput names an update that took no part, and why.
type RefusedInput struct {
	Name   string `json:"name"`
	Reason string `json:"reason" enum:"digest,format,shape,nan,norm"`
	Detail string `json:"detail"`
}

// Aggregations is a page of aggregations.
type Aggregations struct {
	Aggregations []Aggregation `json:"aggregations" nullable:"false"`
	NextCursor   string        `json:"next_cursor,omitempty" doc:"Where the next page begins; missing at the end."`
}

// NewAggregationInput announces a file of an aggregation.
type NewAggregationInput struct {
	_ struct{} `additionalProperties:"false"`

	Kind        string        `json:"kind" enum:"update,global,memory" doc:"global: the model that the updates began from; memory: that of the aggregation before."`
	Size        int64         `json:"size" minimum:"1" doc:"Bytes."`
	Digest      ledger.Digest `json:"digest" doc:"SHA-256 of the whole file."`
	NumExamples uint64        `json:"num_examples,omitempty" maximum:"536870911" doc:"Of an update, its weight: 1 or more."`
	Steps       uint64        `json:"steps,omitempty" doc:"Of an update, how many steps it was trained, where the strategy asks for it."`
}

// AggregationInput is a file of an aggregation as it stands.
type AggregationInput struct {
	Name        string        `json:"name" doc:"Orders the updates, bytewise."`
	Kind        string        `json:"kind" enum:"update,global,memory"`
	Size        int64         `json:"size"`
	Digest      ledger.Digest `json:"digest"`
	NumExamples uint64        `json:"num_examples"`
	Steps       uint64        `json:"steps"`
	Offset      int64         `json:"offset" doc:"Bytes that are here for good; go on from there."`
	Complete    bool          `json:"complete" doc:"All bytes are here and have the digest."`
}
