package nft

import (
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// MaxDataBytes bounds what a sender tells a receiver's handler.
const MaxDataBytes = 4 << 10

// Receiver is a contract that holds tokens under an account of its own. Members
// have no handler: what is sent to them safely arrives.
type Receiver struct {
	Account ledger.ID
	// Footprint names what OnReceived touches beside the transfer: a pure function
	// of what is received.
	Footprint func(Received) (contract.Footprint, error)
	// OnReceived is ERC-721's onERC721Received. Its call has the receiver as sender.
	// It refuses the token by failing, best with [CodeRefused].
	OnReceived func(*contract.Env, contract.Call, Received) error
}

// Received is what a receiver's handler is told.
type Received struct {
	Collection ledger.Digest
	Operator   ledger.ID // who sent it
	From       ledger.ID // whose it was, zero where it was minted
	TokenID    ledger.Amount
	Data       []byte
}

// SafeTransferFrom is the arguments of the method safeTransferFrom.
type SafeTransferFrom struct {
	TransferFrom

	Data []byte `cbor:"data"` // for the receiver's handler
}

// AccountOf returns the account of a built-in contract, for which nobody has a
// key.
func AccountOf(name string) ledger.ID {
	d := ledger.Hash([]byte("account of the contract " + name))
	return ledger.ID(d[:len(ledger.ID{})])
}

type receivers map[ledger.ID]Receiver

func byAccount(list []Receiver) receivers {
	all := receivers{}
	for _, r := range list {
		all[r.Account] = r
	}
	return all
}

// with adds what the handler of the account touches to a footprint.
func (r receivers) with(f contract.Footprint, to ledger.ID, told Received) (contract.Footprint, error) {
	if len(told.Data) > MaxDataBytes {
		return f, contract.Errorf(contract.CodeBadArguments, "data: %d bytes, at most %d", len(told.Data), MaxDataBytes)
	}
	receiver, ok := r[to]
	if !ok {
		return f, nil
	}
	more, err := receiver.Footprint(told)
	f.Reads, f.Writes = append(f.Reads, more.Reads...), append(f.Writes, more.Writes...)
	return f, err
}

// ask runs the handler of the account, if it has one.
func (r receivers) ask(env *contract.Env, call contract.Call, to ledger.ID, told Received) error {
	receiver, ok := r[to]
	if !ok {
		return nil
	}
	call.Sender, call.Key = to, ledger.Digest{}
	return receiver.OnReceived(env, call, told)
}

func (a *SafeTransferFrom) told(call contract.Call) Received {
	return Received{Collection: a.Collection, Operator: call.Sender, From: a.From, TokenID: a.TokenID, Data: a.Data}
}

func (r receivers) safeTransferFromFootprint(call contract.Call, a *SafeTransferFrom) (contract.Footprint, error) {
	f, err := TransferFromFootprint(call, &a.TransferFrom)
	if err != nil {
		return f, err
	}
	return r.with(f, a.To, a.told(call))
}

func (r receivers) safeTransferFrom(env *contract.Env, call contract.Call, a *SafeTransferFrom) error {
	if err := TransferFromOwner(env, call, &a.TransferFrom); err != nil {
		return err
	}
	return r.ask(env, call, a.To, a.told(call))
}

func (a *SafeMint) told(call contract.Call) Received {
	return Received{Collection: a.Collection, Operator: call.Sender, TokenID: a.TokenID, Data: a.Data}
}

func (r receivers) safeMintFootprint(call contract.Call, a *SafeMint) (contract.Footprint, error) {
	f, err := mintFootprint(call, &a.Mint)
	if err != nil {
		return f, err
	}
	return r.with(f, a.To, a.told(call))
}

func (r receivers) safeMint(env *contract.Env, call contract.Call, a *SafeMint) error {
	if err := mint(env, call, &a.Mint); err != nil {
		return err
	}
	return r.ask(env, call, a.To, a.told(call))
}
