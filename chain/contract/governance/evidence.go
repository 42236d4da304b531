package governance

import (
	"bytes"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// MethodReportEquivocation takes the evidence that a node signed two headers.
const MethodReportEquivocation = "reportEquivocation"

// EventSuspended is the type of the event that a node was suspended.
const EventSuspended = "governance.suspended"

// SuspendedRow is the key of the row that lists the suspended nodes. It is one
// row, and absent at first, because every transaction asks for it.
const SuspendedRow contract.Key = Name + "/suspended"

// Suspension says which node is suspended, and why.
type Suspension struct {
	_        struct{} `cbor:",toarray"`
	Node     ledger.ID
	Height   uint64        // of both headers
	First    ledger.Digest // of the headers, as reported
	Second   ledger.Digest
	Reporter ledger.ID
	Since    int64 // log time, ms
}

// ReportEquivocation is the arguments of the method reportEquivocation: two
// headers of one height of this chain, with a valid signature each by one node
// of the group.
type ReportEquivocation struct {
	Node       ledger.ID                  `cbor:"node"`
	Height     uint64                     `cbor:"height"`
	HeaderA    []byte                     `cbor:"header_a"`
	SignatureA [ledger.SignatureSize]byte `cbor:"signature_a"`
	HeaderB    []byte                     `cbor:"header_b"`
	SignatureB [ledger.SignatureSize]byte `cbor:"signature_b"`
}

// Suspended is the data of the event.
type Suspended struct {
	Node     ledger.ID     `cbor:"node"`
	Height   uint64        `cbor:"height"`
	First    ledger.Digest `cbor:"first"`
	Second   ledger.Digest `cbor:"second"`
	Reporter ledger.ID     `cbor:"reporter"`
}

// Suspensions reads the suspended nodes, ids ascending.
func Suspensions(state contract.State) ([]Suspension, error) {
	list, _, err := contract.LoadFrom[[]Suspension](state, SuspendedRow)
	if err != nil || list == nil {
		return nil, err
	}
	return *list, nil
}

// IsSuspended reports whether the node is suspended.
func IsSuspended(state contract.State, node ledger.ID) (bool, error) {
	list, err := Suspensions(state)
	return slices.ContainsFunc(list, func(s Suspension) bool { return s.Node == node }), err
}

func reportFootprint(_ contract.Call, a *ReportEquivocation) (contract.Footprint, error) {
	if bytes.Equal(a.HeaderA, a.HeaderB) {
		return contract.Footprint{}, contract.Errorf(contract.CodeBadArguments, "header_b: equals header_a, want another header of the height")
	}
	return contract.Footprint{Reads: []contract.Key{GroupRow, LiftedRow, FormerRow(a.Node)}, Writes: []contract.Key{SuspendedRow}}, nil
}

func report(env *contract.Env, call contract.Call, a *ReportEquivocation) error {
	group, err := Group(env)
	if err != nil {
		return err
	}
	node, ok := group.Find(a.Node)
	if !ok {
		return contract.Errorf(contract.CodeNotFound, "node %s is not in the group", a.Node)
	}
	key, err := keyAt(env, a.Node, node.Key, a.Height)
	if err != nil {
		return err
	}
	if err := proves(call, key, a.Height, "a", a.HeaderA, a.SignatureA); err != nil {
		return err
	}
	if err := proves(call, key, a.Height, "b", a.HeaderB, a.SignatureB); err != nil {
		return err
	}
	before, err := forgivenBefore(env, a.Node)
	if err != nil {
		return err
	}
	if a.Height < before {
		return contract.Errorf(contract.CodeExists, "node %s was suspended, and forgiven what it signed below height %d", a.Node, before)
	}
	list, err := Suspensions(env)
	if err != nil {
		return err
	}
	at, found := slices.BinarySearchFunc(list, a.Node, func(s Suspension, id ledger.ID) int { return bytes.Compare(s.Node[:], id[:]) })
	if found {
		return contract.Errorf(contract.CodeExists, "node %s is suspended already, for height %d", a.Node, list[at].Height)
	}
	s := Suspension{
		Node: a.Node, Height: a.Height, First: ledger.Hash(a.HeaderA), Second: ledger.Hash(a.HeaderB),
		Reporter: call.Sender, Since: env.LogTime(),
	}
	if err := contract.Store(env, SuspendedRow, slices.Insert(list, at, s)); err != nil {
		return err
	}
	return env.Emit(EventSuspended, &Suspended{Node: s.Node, Height: s.Height, First: s.First, Second: s.Second, Reporter: s.Reporter})
}

// proves fails unless the signature is the key's over a header of that height
// of this chain. The epoch is no matter: a node signs one header a height.
func proves(call contract.Call, key ledger.PublicKey, height uint64, which string, header []byte, signature [ledger.SignatureSize]byte) error {
	h, err := ledger.ParseHeader(header)
	switch {
	case err != nil:
		return contract.Errorf(contract.CodeBadArguments, "header_%s: %v", which, err)
	case h.Chain != call.Chain || h.Shard != call.Shard:
		return contract.Errorf(contract.CodeBadArguments, "header_%s: of chain %s shard %d, want this one's", which, h.Chain.Short(), h.Shard)
	case h.Height != height:
		return contract.Errorf(contract.CodeBadArguments, "header_%s: of height %d, want %d", which, h.Height, height)
	}
	e := ledger.Envelope{Key: key.ID(), Payload: header, Signature: signature}
	if !identity.VerifyEnvelope(key, &e, ledger.KindHeader) {
		return contract.Errorf(contract.CodeBadSignature, "signature_%s: not the node's over header_%s", which, which)
	}
	return nil
}
