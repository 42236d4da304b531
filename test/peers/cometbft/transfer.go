package main

import (
	"fmt"
	"strconv"

	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// The codes of results.
const (
	codeOK uint32 = iota
	codeMalformed
	codeUnknown // of sender, key or receiver
	codeSignature
	codeExpired
	codeReplayed
	codeFunds
	codeRefused // by the mempool: it is full, or has it already
)

// refusal is why a transfer has no effect.
type refusal struct {
	code   uint32
	detail string
}

func (r *refusal) Error() string { return "code " + strconv.Itoa(int(r.code)) + ": " + r.detail }

// transfer is a transaction that was read.
type transfer struct {
	id       ledger.Digest
	from, to *account
	amount   uint64
	expiry   int64 // ms
	signed   identity.Signed
	checked  bool // the signature holds
}

// account is a member with a balance.
type account struct {
	id      ledger.ID
	key     ledger.PublicKey
	keyID   ledger.Digest
	balance uint64
	height  int64 // of the block that changed it last
}

// read reads a transaction and checks all of it that no block changes, but the
// signature.
func (a *app) read(tx []byte) (*transfer, *refusal) {
	t, envelope, err := ledger.ParseTransaction(tx)
	if err != nil {
		return nil, &refusal{codeMalformed, err.Error()}
	}
	if t.Chain != a.chain || t.Contract != token.Name || t.Method != "transfer" {
		return nil, &refusal{codeMalformed, "it is for something else"}
	}
	var args token.Transfer
	if err := ledger.Decode("transfer", t.Args, len(t.Args), &args); err != nil {
		return nil, &refusal{codeMalformed, err.Error()}
	}
	amount, err := strconv.ParseUint(args.Amount.String(), 10, 64)
	if err != nil {
		return nil, &refusal{codeFunds, err.Error()}
	}
	from, to := a.accounts[t.Sender], a.accounts[args.To]
	if from == nil || to == nil || from.keyID != envelope.Key {
		return nil, &refusal{codeUnknown, fmt.Sprintf("sender %s, receiver %s", t.Sender, args.To)}
	}
	return &transfer{
		id: envelope.ID(ledger.KindTransaction), from: from, to: to, amount: amount, expiry: t.Expiry,
		signed: identity.Signed{Key: from.key, Message: envelope.SigStructure(ledger.KindTransaction), Signature: envelope.Signature},
	}, nil
}
