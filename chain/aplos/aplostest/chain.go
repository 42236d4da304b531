package aplostest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	identitycontract "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Balance is what each account starts with, in units.
const Balance = 1_000_000

// Contracts returns the one rule set that the chain's own packages need.
func Contracts() contract.Rules {
	return contract.Rules{contract.NewSet(governance.New(), identitycontract.New(), token.New())}
}

// Chain is a genesis and the keys behind it.
type Chain struct {
	TB       testing.TB
	Genesis  *ledger.Genesis
	File     []byte        // the encoded genesis
	ID       ledger.Digest // its digest
	accounts []ledger.ID
}

// New makes a chain of nodes and accounts that starts at the given time, ms.
// The change, which may be nil, is made to the genesis before it is encoded.
func New(tb testing.TB, nodes, accounts int, start int64, change func(*ledger.Genesis)) *Chain {
	tb.Helper()
	organisation := id("organisation", 0)
	g := &ledger.Genesis{
		Version: ledger.Version, Name: "test", Time: start,
		Organisations: []ledger.GenesisOrganisation{{ID: organisation, Name: "organisation"}},
		Limits:        ledger.DefaultLimits(),
		Token:         ledger.GenesisToken{Symbol: "TEST", Supply: ledger.NewAmount(uint64(accounts) * Balance)},
	}
	c := &Chain{TB: tb, Genesis: g}
	for i := range nodes {
		n := ledger.GroupNode{Node: NodeID(i), Organisation: organisation, Key: NodeKey(i).Public()}
		g.Group.Nodes = append(g.Group.Nodes, n)
	}
	for i := range accounts {
		account := AccountID(i)
		c.accounts = append(c.accounts, account)
		g.Members = append(g.Members, ledger.GenesisMember{
			ID: account, Organisation: organisation, Roles: []string{identity.RoleMember}, Key: AccountKey(i).Public(),
		})
		g.Token.Allocations = append(g.Token.Allocations, ledger.GenesisAllocation{
			Account: account, Purpose: ledger.PurposeCirculating, Amount: ledger.NewAmount(Balance),
		})
	}
	if change != nil {
		change(g)
	}
	if err := g.Validate(); err != nil {
		tb.Fatal(err)
	}
	var err error
	if c.File, err = ledger.Encode(g); err != nil {
		tb.Fatal(err)
	}
	c.ID = ledger.Hash(c.File)
	return c
}

// NodeID returns the id of a node; ids ascend with the index.
func NodeID(i int) ledger.ID {
	var n ledger.ID
	binary.BigEndian.PutUint64(n[:], uint64(i)+1)
	return n
}

// NodeKey returns the key of a node.
func NodeKey(i int) *identity.Key { return key("node", i) }

// AccountID returns the id of an account.
func AccountID(i int) ledger.ID { return id("account", i) }

// AccountKey returns the key of an account.
func AccountKey(i int) *identity.Key { return key("account", i) }

// DelegateKey returns a key for a delegate that a genesis may list.
func DelegateKey(i int) *identity.Key { return key("delegate", i) }

// Account returns the id of an account.
func (c *Chain) Account(i int) ledger.ID { return c.accounts[i] }

// Stranger returns an id that no genesis knows.
func Stranger(i int) ledger.ID { return id("stranger", i) }

func key(kind string, i int) *identity.Key {
	return identity.KeyFromSeed(sha256.Sum256(fmt.Appendf(nil, "key %s %d", kind, i)))
}

func id(kind string, i int) ledger.ID {
	d := sha256.Sum256(fmt.Appendf(nil, "id %s %d", kind, i))
	return ledger.ID(d[:16])
}

// Transaction returns an unsigned transfer of the chain.
func (c *Chain) Transaction(from, to int, amount, nonce uint64, expiry int64) ledger.Transaction {
	t := ledger.Transaction{
		Version: ledger.Version, Chain: c.ID, Shard: c.Genesis.Shard, Sender: c.Account(from),
		Contract: token.Name, Method: "transfer", Expiry: expiry,
		Args: c.Encode(&token.Transfer{To: c.Account(to), Amount: ledger.NewAmount(amount)}),
	}
	binary.BigEndian.PutUint64(t.Nonce[:], nonce)
	return t
}

// Transfer returns a transfer signed by its sender.
func (c *Chain) Transfer(from, to int, amount, nonce uint64, expiry int64) []byte {
	return c.Sign(c.Transaction(from, to, amount, nonce, expiry), AccountKey(from))
}

// Sign signs a transaction.
func (c *Chain) Sign(t ledger.Transaction, by *identity.Key) []byte {
	c.TB.Helper()
	e, err := t.Sign(by.ID(), by.Sign)
	if err != nil {
		c.TB.Fatal(err)
	}
	return e.Bytes()
}

// Record fills in what a record of the chain has and signs it for the node.
func (c *Chain) Record(node int, r ledger.Record) []byte {
	c.TB.Helper()
	r.Version, r.Chain, r.Shard, r.Epoch = ledger.Version, c.ID, c.Genesis.Shard, c.Genesis.Group.Epoch
	r.Node = NodeID(node)
	return c.SignRecord(r, NodeKey(node))
}

// SignRecord signs a record as it is.
func (c *Chain) SignRecord(r ledger.Record, by *identity.Key) []byte {
	c.TB.Helper()
	e, err := r.Sign(by.ID(), by.Sign)
	if err != nil {
		c.TB.Fatal(err)
	}
	return e.Bytes()
}

// Encode returns the deterministic encoding of a value.
func (c *Chain) Encode(v any) []byte {
	c.TB.Helper()
	b, err := ledger.Encode(v)
	if err != nil {
		c.TB.Fatal(err)
	}
	return b
}

// Possession returns the proof that a key's holder wants it to be the member's.
func (c *Chain) Possession(organisation, member ledger.ID, key *identity.Key) [ledger.SignatureSize]byte {
	c.TB.Helper()
	p := ledger.Possession{
		Version: ledger.Version, Chain: c.ID, Shard: c.Genesis.Shard, Organisation: organisation, Member: member, Key: key.Public(),
	}
	proof, err := p.Sign(key.Sign)
	if err != nil {
		c.TB.Fatal(err)
	}
	return proof
}
