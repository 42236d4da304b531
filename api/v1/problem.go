package v1

import "strings"

// ProblemBase is what the type of every problem begins with; the code behind
// it is stable.
const ProblemBase = "https://librum.dev/problems/"

// Problem says why a request was refused (RFC 9457).
type Problem struct {
	Type   string       `json:"type" format:"uri" doc:"Stable URI of the kind of problem."`
	Title  string       `json:"title" doc:"The kind of problem in a few words."`
	Status int          `json:"status" doc:"HTTP status."`
	Detail string       `json:"detail,omitempty" doc:"What is wrong here and what to do."`
	Errors []FieldError `json:"errors,omitempty" doc:"Every field that is wrong."`
	// Transaction is there where a transaction was executed and had no effect.
	Transaction *Transaction `json:"transaction,omitempty" doc:"The refused transaction."`
	Offset      *int64       `json:"offset,omitempty" doc:"Where an upload goes on, bytes."`
}

// FieldError says what is wrong with one field.
type FieldError struct {
	Field   string `json:"field" doc:"Where: body.train.batch_size, query.limit."`
	Message string `json:"message" doc:"What is wrong and what is allowed."`
}

// Code returns the stable part of the problem's type, such as "not_found".
func (p *Problem) Code() string { return strings.TrimPrefix(p.Type, ProblemBase) }
