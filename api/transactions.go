package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// waitFinal is the value of the query wait that asks for the quorum's word.
const waitFinal = "final"

func (s *server) transactionRoutes() {
	binary := &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	one := s.huma.OpenAPI().Components.Schemas
	handle(s, huma.Operation{
		OperationID: "submit-transactions", Method: http.MethodPost, Path: "/v1/transactions", Tags: []string{"transactions"},
		Summary: "Submit one signed transaction or a batch",
		Description: "One: " + typeCOSE + " or {\"transaction\": base64}; refused, it is a problem whose type is the ledger's code. " +
			"A batch: {\"transactions\": [base64, …]} or a CBOR array of byte strings; answered with a code for each. " +
			"With Accept: " + typeCBOR + " a batch is answered by a CBOR array of [id, executed, code, detail, [offset, index], log time, final, " +
			"[[type, data], …]]. " +
			"Sending the same bytes again gives the first outcome again.",
		MaxBodyBytes: s.Limits.BodyBytes + 1, BodyReadTimeout: s.Limits.Idle, SkipValidateBody: true,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			typeJSON: {Schema: schemaOf[v1.Submission](one)}, typeCBOR: binary, typeCOSE: binary,
		}},
		Responses: map[string]*huma.Response{"200": {Description: "What became of it, or of each", Content: map[string]*huma.MediaType{
			typeJSON: {Schema: &huma.Schema{OneOf: []*huma.Schema{schemaOf[v1.Transaction](one), schemaOf[v1.Batch](one)}}},
			typeCBOR: binary,
		}}},
	}, s.submit)
	handle(s, huma.Operation{
		OperationID: "get-transaction", Method: http.MethodGet, Path: "/v1/transactions/{id}", Tags: []string{"transactions"},
		Summary: "What became of a transaction",
	}, s.transaction)
	handle(s, huma.Operation{
		OperationID: "get-transaction-proof", Method: http.MethodGet, Path: "/v1/transactions/{id}/proof", Tags: []string{"transactions"},
		Summary:     "Proof of a transaction's result",
		Description: "Waits until the transaction's block is final.",
	}, s.proof)
}

type submitInput struct {
	ContentType string `header:"Content-Type" hidden:"true"`
	Accept      string `header:"Accept" hidden:"true"`
	Wait        string `query:"wait" enum:"executed,final" default:"executed" doc:"Whose word to wait for: this node's, or the quorum's."`
	RawBody     []byte
}

type submitOutput struct {
	Position    string `header:"Librum-Position"`
	ContentType string `header:"Content-Type"`
	Body        any
}

func (s *server) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	sub, err := readSubmission(in.ContentType, in.RawBody, s.Limits)
	if err != nil {
		return nil, err
	}
	outcomes, err := s.execute(ctx, sub.raw, in.Wait == waitFinal)
	if err != nil {
		return nil, err
	}
	status := s.Node.Status()
	out := &submitOutput{Position: strconv.FormatUint(status.Next, 10), ContentType: typeJSON}
	if !sub.single && in.Accept == typeCBOR {
		out.ContentType = typeCBOR
		out.Body, err = encodeOutcomes(outcomes, status)
		return out, err
	}
	list := make([]v1.Transaction, len(outcomes))
	for i := range outcomes {
		list[i] = s.outcome(&outcomes[i], status)
	}
	out.Body = v1.Batch{Transactions: list}
	if !sub.single {
		return out, nil
	}
	if list[0].Code != ledger.CodeOK {
		return nil, refusedTransaction(list[0])
	}
	out.Body = list[0]
	return out, nil
}

// execute submits and waits as asked.
func (s *server) execute(ctx context.Context, raw [][]byte, final bool) ([]node.Outcome, error) {
	ctx, cancel := bounded(ctx, s.Limits.Wait)
	defer cancel()
	submit := s.Node.Submit
	if final {
		submit = s.Node.SubmitFinal
	}
	outcomes, err := submit(ctx, raw)
	if err != nil {
		return nil, err
	}
	for i := range outcomes {
		s.metrics.submitted(outcomes[i].Code)
	}
	return outcomes, s.auditTransactions(ctx, raw, outcomes)
}

// refusedTransaction tells a transaction without effect as a problem.
func refusedTransaction(t v1.Transaction) error {
	detail := t.Detail
	if kindOf(string(t.Code)).Code != string(t.Code) {
		detail = string(t.Code) + ": " + detail
	}
	f := fail(string(t.Code), detail)
	f.Transaction = &t
	return f
}

// outcome shows what became of a transaction.
func (s *server) outcome(o *node.Outcome, status node.Status) v1.Transaction {
	t := v1.Transaction{ID: o.ID, Executed: o.Executed, Code: o.Code, Detail: o.Detail}
	if !o.Executed {
		return t
	}
	t.Position, t.LogTime, t.Final = o.Position.String(), o.LogTime, status.IsFinal(o.Position)
	for n, e := range o.Events {
		t.Events = append(t.Events, v1.Event{Type: e.Type, N: n, Data: toJSON(s.decoder, e.Data)})
	}
	return t
}

// encodeOutcomes is the answer in CBOR.
func encodeOutcomes(outcomes []node.Outcome, status node.Status) ([]byte, error) {
	list := make([]v1.Outcome, len(outcomes))
	for i := range outcomes {
		o := &outcomes[i]
		list[i] = v1.Outcome{
			ID: o.ID, Executed: o.Executed, Code: o.Code, Detail: o.Detail, Position: o.Position, LogTime: o.LogTime,
			Final: o.Executed && status.IsFinal(o.Position), Events: o.Events,
		}
	}
	return ledger.Encode(list)
}

type transactionPath struct {
	ID ledger.Digest `path:"id" doc:"Id of the transaction."`
}

func (s *server) transaction(ctx context.Context, in *transactionPath) (*body[v1.Transaction], error) {
	status := s.Node.Status() // before the outcome: what was final then still is
	o, ok, err := s.Node.Outcome(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail("not_found", fmt.Sprintf("this node executed no transaction %s", in.ID))
	}
	t := s.outcome(&o, status)
	if t.Content, err = s.content(ctx, in.ID); err != nil {
		return nil, err
	}
	if err := s.seesTransaction(ctx, &o, t.Content); err != nil {
		return nil, err
	}
	return &body[v1.Transaction]{Body: t}, nil
}

// content shows what a transaction says, or nil while its block is open.
func (s *server) content(ctx context.Context, id ledger.Digest) (*v1.TransactionContent, error) {
	raw, height, err := s.Node.Transaction(ctx, id)
	if errors.Is(err, node.ErrNotFound) {
		return nil, nil //nolint:nilnil // not there yet is no error
	}
	if err != nil {
		return nil, err
	}
	c := &v1.TransactionContent{Height: height, Encoded: raw}
	t, envelope, err := ledger.ParseTransaction(raw)
	if err != nil {
		return c, nil //nolint:nilerr // a malformed transaction has bytes and nothing else
	}
	c.Sender, c.Key, c.Contract, c.Method = t.Sender, envelope.Key, t.Contract, t.Method
	c.Args, c.Expiry = toJSON(s.decoder, t.Args), t.Expiry
	owner, ok, err := contract.LoadFrom[members.KeyOwner](s.Node.State(ctx), members.KeyRow(envelope.Key))
	c.Delegated = ok && (owner.Delegate || owner.Member != t.Sender) // a delegate key may have become a member's own
	return c, err
}

func (s *server) proof(ctx context.Context, in *transactionPath) (*body[v1.Proof], error) {
	ctx, cancel := bounded(ctx, s.Limits.Wait)
	defer cancel()
	proof, err := s.Node.Proof(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if _, err := s.transaction(ctx, in); err != nil { // who may not see it gets no proof of it
		return nil, err
	}
	encoded, err := ledger.Encode(&proof)
	if err != nil {
		return nil, err
	}
	result, err := ledger.ParseResult(proof.Leaf)
	if err != nil {
		return nil, err
	}
	header, err := showHeader(proof.Header, true)
	if err != nil {
		return nil, err
	}
	out := v1.Proof{
		Proof: encoded, Result: showResult(&result), Header: header,
		Index: proof.Index, Size: proof.Size, Path: make([]ledger.Digest, len(proof.Path)),
		Signatures: showSignatures(proof.Signatures),
	}
	for i, sibling := range proof.Path {
		out.Path[i] = ledger.Digest(sibling)
	}
	return &body[v1.Proof]{Body: out}, nil
}
