package ledger_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// start is the log time of the fixtures: 2026-01-01T00:00:00Z.
const start = 1767225600000

// key returns the key whose seed is 32 times n.
func key(n byte) *identity.Key {
	return identity.KeyFromSeed([32]byte(bytes.Repeat([]byte{n}, 32)))
}

// id returns the id that is 16 times n.
func id(n byte) ledger.ID { return ledger.ID(bytes.Repeat([]byte{n}, 16)) }

// digest returns the digest that is 32 times n.
func digest(n byte) ledger.Digest { return ledger.Digest(bytes.Repeat([]byte{n}, 32)) }

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := ledger.Encode(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// fixtureGroup is four nodes of four organisations, keys 1 to 4.
func fixtureGroup() ledger.Group {
	g := ledger.Group{}
	for n := byte(1); n <= 4; n++ {
		g.Nodes = append(g.Nodes, ledger.GroupNode{Node: id(n), Organisation: id(0xa0 + n), Key: key(n).Public()})
	}
	return g
}

func fixtureGenesis() *ledger.Genesis {
	g := &ledger.Genesis{
		Version: ledger.Version,
		Name:    "golden",
		Time:    start,
		Group:   fixtureGroup(),
		Members: []ledger.GenesisMember{
			{ID: id(0x11), Organisation: id(0xa1), Roles: []string{identity.RoleAuditor, identity.RoleMember}, Key: key(0x11).Public()},
			{ID: id(0x12), Organisation: id(0xa2), Roles: []string{identity.RolePeer}, Key: key(0x12).Public()},
		},
		Delegates: []ledger.GenesisDelegate{
			{Member: id(0x11), Node: id(1), Key: key(0x21).Public(), Methods: []string{"fl.create_job", "token.transfer"}, Expiry: start + 1000},
		},
		Limits: ledger.DefaultLimits(),
		Token: ledger.GenesisToken{
			Symbol:   "LCNC",
			Decimals: 18,
			Supply:   ledger.NewAmount(1_000_000),
			Allocations: []ledger.GenesisAllocation{
				{Account: id(0x11), Purpose: ledger.PurposeCirculating, Amount: ledger.NewAmount(400_000)},
				{Account: id(0x12), Purpose: "reserve", Amount: ledger.NewAmount(600_000)},
			},
			Presale: ledger.GenesisPresale{
				Amount: ledger.NewAmount(300_000),
				Splits: "proceeds",
				Shares: []ledger.PresaleShare{{Purpose: "development", BasisPoints: 7500}, {Purpose: "reserve", BasisPoints: 2500}},
			},
		},
	}
	for n := byte(1); n <= 4; n++ {
		g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: id(0xa0 + n), Name: "organisation " + string('0'+rune(n))})
	}
	return g
}

func fixtureChain(tb testing.TB) ledger.Digest {
	tb.Helper()
	return ledger.Hash(encode(tb, fixtureGenesis()))
}

type transferArgs struct {
	To     ledger.ID     `cbor:"to"`
	Amount ledger.Amount `cbor:"amount"`
}

func fixtureTransaction(tb testing.TB) *ledger.Transaction {
	tb.Helper()
	return &ledger.Transaction{
		Version: ledger.Version, Chain: fixtureChain(tb), Sender: id(0x11),
		Contract: "token", Method: "transfer",
		Args:   encode(tb, transferArgs{To: id(0x12), Amount: ledger.NewAmount(1000)}),
		Nonce:  [ledger.NonceSize]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
		Expiry: start + 60_000,
	}
}

func signedTransaction(tb testing.TB) []byte {
	tb.Helper()
	e, err := fixtureTransaction(tb).Sign(key(0x11).ID(), key(0x11).Sign)
	if err != nil {
		tb.Fatal(err)
	}
	return e.Bytes()
}

func fixtureRecord(tb testing.TB, kind ledger.RecordKind) *ledger.Record {
	tb.Helper()
	r := &ledger.Record{Version: ledger.Version, Chain: fixtureChain(tb), Kind: kind, Node: id(1), Time: start + 500}
	switch kind {
	case ledger.RecordTransactions:
		r.Transactions = [][]byte{signedTransaction(tb), []byte("not a transaction")}
	case ledger.RecordMarker:
		r.Height = 1
	}
	return r
}

func signedRecord(tb testing.TB, r *ledger.Record) []byte {
	tb.Helper()
	e, err := r.Sign(key(1).ID(), key(1).Sign)
	if err != nil {
		tb.Fatal(err)
	}
	return e.Bytes()
}

func fixtureResults(tb testing.TB) []ledger.Result {
	tb.Helper()
	_, e, err := ledger.ParseTransaction(signedTransaction(tb))
	if err != nil {
		tb.Fatal(err)
	}
	writes, err := ledger.WritesDigest([]ledger.Write{
		{Key: []byte("token/balance/a"), Value: []byte{0x41, 0x01}},
		{Key: []byte("token/balance/b"), Delete: true},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return []ledger.Result{
		{
			ID: e.ID(ledger.KindTransaction), Position: ledger.Position{Offset: 7}, Code: ledger.CodeOK,
			Events: []ledger.Event{{Type: "token.transfer", Data: encode(tb, transferArgs{To: id(0x12), Amount: ledger.NewAmount(1000)})}},
			Writes: writes,
		},
		{ID: ledger.Hash([]byte("not a transaction")), Position: ledger.Position{Offset: 7, Index: 1}, Code: "malformed"},
	}
}

// fixtureBlock has a kept record and a skipped one; its roots hold.
func fixtureBlock(tb testing.TB) *ledger.Block {
	tb.Helper()
	skipped := digest(0xee)
	b := &ledger.Block{
		Records: []ledger.BlockRecord{
			{Envelope: signedRecord(tb, fixtureRecord(tb, ledger.RecordTransactions))},
			{Skipped: skipped[:]},
		},
		Results: fixtureResults(tb),
	}
	records, transactions, results, err := b.Roots()
	if err != nil {
		tb.Fatal(err)
	}
	group := fixtureGroup()
	next, err := group.Digest()
	if err != nil {
		tb.Fatal(err)
	}
	b.Header = ledger.Header{
		Version: ledger.Version, Chain: fixtureChain(tb), Height: 1, Previous: fixtureChain(tb),
		Records: records, Transactions: transactions, Results: results, State: digest(0x55),
		First: ledger.Position{Offset: 7}, Last: ledger.Position{Offset: 8},
		LogTime: start + 500, Group: next,
	}
	return b
}

func headerBytes(tb testing.TB) []byte {
	tb.Helper()
	header, err := fixtureBlock(tb).Header.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return header
}

func signHeader(tb testing.TB, node byte) ledger.HeaderSignature {
	tb.Helper()
	return ledger.SignHeader(1, headerBytes(tb), id(node), key(node).ID(), key(node).Sign)
}

func fixtureReceipt(tb testing.TB) *ledger.Receipt {
	tb.Helper()
	return &ledger.Receipt{
		Version: ledger.Version, Chain: fixtureChain(tb), Node: id(1), Blob: digest(0xbb),
		Size: 1 << 20, Subject: id(0x77), Round: 3, Attempt: 2, Sender: id(0x12),
	}
}

func signedReceipt(tb testing.TB) []byte {
	tb.Helper()
	e, err := fixtureReceipt(tb).Sign(key(1).ID(), key(1).Sign)
	if err != nil {
		tb.Fatal(err)
	}
	return e.Bytes()
}

func fixturePossession(tb testing.TB) *ledger.Possession {
	tb.Helper()
	return &ledger.Possession{
		Version: ledger.Version, Chain: fixtureChain(tb), Organisation: id(0xa1), Member: id(0x12), Key: key(1).Public(),
	}
}

// fixtureProof proves the second result of the block with a bare quorum.
func fixtureProof(tb testing.TB) *ledger.ResultProof {
	tb.Helper()
	leaves, err := fixtureBlock(tb).ResultLeaves()
	if err != nil {
		tb.Fatal(err)
	}
	return &ledger.ResultProof{
		Leaf: leaves[1], Index: 1, Size: 2, Path: ledger.MerklePath(leaves, 1), Header: headerBytes(tb),
		Signatures: []ledger.HeaderSignature{signHeader(tb, 1), signHeader(tb, 2), signHeader(tb, 4)},
	}
}

func fixtureCommitment() *ledger.Commitment {
	c := new(ledger.Commitment)
	c.Add([]byte("token/balance/a"), []byte{0x41, 0x01})
	c.Add([]byte("token/balance/b"), nil)
	c.Add(nil, []byte("a row without a key"))
	c.Remove([]byte("token/balance/c"), []byte("a row that was never there"))
	return c
}

// fixtureTrail hands over twice, at heights 1 and 5: node 1 leaves for node 5,
// then node 2 gets another key.
func fixtureTrail(tb testing.TB) *ledger.GroupTrail {
	tb.Helper()
	second := fixtureGroup()
	second.Epoch = 1
	second.Nodes = append(second.Nodes[1:], ledger.GroupNode{Node: id(5), Organisation: id(0xa5), Key: key(5).Public()})
	third := second
	third.Epoch, third.Nodes = 2, slices.Clone(second.Nodes)
	third.Nodes[0].Key = key(0x42).Public()
	return &ledger.GroupTrail{Handovers: []ledger.Handover{
		handover(tb, 0, 1, second, 1, 2, 3),
		handover(tb, 1, 5, third, 2, 3, 5),
	}}
}

// handover returns the end of an epoch, signed by nodes with their first keys.
func handover(tb testing.TB, epoch, height uint64, next ledger.Group, signers ...byte) ledger.Handover {
	tb.Helper()
	group, err := next.Digest()
	if err != nil {
		tb.Fatal(err)
	}
	header := fixtureBlock(tb).Header
	header.Epoch, header.Height, header.Group = epoch, height, group
	h := ledger.Handover{Header: encode(tb, &header), Next: next}
	for _, n := range signers {
		h.Signatures = append(h.Signatures, ledger.SignHeader(height, h.Header, id(n), key(n).ID(), key(n).Sign))
	}
	return h
}
