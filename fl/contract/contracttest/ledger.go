package contracttest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// Start is the log time of the first state, ms.
const Start = 1_000_000

// Ledger is a chain of which only the state is kept.
type Ledger struct {
	Now   int64 // log time, ms
	Chain ledger.Digest
	Group ledger.Group

	rows map[contract.Key][]byte
	set  *contract.Set
	keys map[ledger.ID]*identity.Key
}

// New returns a ledger whose genesis lists the members "alice" and "bob", the
// peers "peer-0" … and the nodes "node-0" …, each node of an organisation of
// its own, or of few where organisations is smaller.
func New(nodes, organisations, peers int) (*Ledger, error) {
	l := &Ledger{
		Now: Start, rows: map[contract.Key][]byte{}, keys: map[ledger.ID]*identity.Key{},
		set: contract.NewSet(members.New(), governance.New(), fl.New()),
	}
	g := ledger.Genesis{
		Version: ledger.Version, Name: "test", Time: Start, Limits: ledger.DefaultLimits(),
		Token: ledger.GenesisToken{Symbol: "LCNC"},
	}
	for i := range organisations {
		g.Organisations = append(g.Organisations, ledger.GenesisOrganisation{ID: ID(organisation(i)), Name: organisation(i)})
	}
	for i := range nodes {
		name := Node(i)
		g.Group.Nodes = append(g.Group.Nodes, ledger.GroupNode{
			Node: ID(name), Organisation: ID(organisation(i % organisations)), Key: l.key(name).Public(),
		})
	}
	slices.SortFunc(g.Group.Nodes, func(a, b ledger.GroupNode) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	for _, name := range []string{"alice", "bob"} {
		g.Members = append(g.Members, l.member(name, identity.RoleMember))
	}
	for i := range peers {
		g.Members = append(g.Members, l.member(Peer(i), identity.RolePeer))
	}
	if err := g.Validate(); err != nil {
		return nil, err
	}
	l.Group = g.Group
	return l, l.genesis(&g)
}

func (l *Ledger) genesis(g *ledger.Genesis) error {
	b, err := ledger.Encode(g)
	if err != nil {
		return err
	}
	l.Chain = ledger.Hash(b)
	for _, c := range l.set.Contracts() {
		env := contract.NewGenesisEnv(l, l.Now)
		if err := c.Genesis(g, env); err != nil {
			return err
		}
		l.apply(env)
	}
	return nil
}

// Node names a node.
func Node(i int) string { return fmt.Sprintf("node-%d", i) }

// Peer names a peer.
func Peer(i int) string { return fmt.Sprintf("peer-%d", i) }

func organisation(i int) string { return fmt.Sprintf("organisation-%d", i) }

// ID returns the id that belongs to a name.
func ID(name string) ledger.ID {
	var id ledger.ID
	sum := sha256.Sum256([]byte("id " + name))
	copy(id[:], sum[:])
	return id
}

func (l *Ledger) member(name, role string) ledger.GenesisMember {
	return ledger.GenesisMember{ID: ID(name), Organisation: ID(organisation(0)), Roles: []string{role}, Key: l.key(name).Public()}
}

func (l *Ledger) key(name string) *identity.Key {
	k := identity.KeyFromSeed(sha256.Sum256([]byte("key " + name)))
	l.keys[ID(name)] = k
	return k
}

// Get implements [contract.State].
func (l *Ledger) Get(key contract.Key) ([]byte, bool, error) {
	v, ok := l.rows[key]
	return v, ok, nil
}

// Keys returns the keys of all rows with a prefix, ascending.
func (l *Ledger) Keys(prefix string) []contract.Key {
	var keys []contract.Key
	for k := range l.rows {
		if len(k) >= len(prefix) && string(k[:len(prefix)]) == prefix {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, cmp.Compare)
	return keys
}

// Call executes a method of the contract fl and returns its code and events.
// An error that is no result fails the caller.
func (l *Ledger) Call(sender ledger.ID, method string, args any) (*contract.Error, []ledger.Event, error) {
	b, err := ledger.Encode(args)
	if err != nil {
		return nil, nil, err
	}
	if len(b) > ledger.MaxTransactionBytes-1024 {
		return nil, nil, fmt.Errorf("arguments of %s: %d bytes do not fit a transaction", method, len(b))
	}
	call := contract.Call{Sender: sender, Contract: fl.Name, Method: method, Args: b, LogTime: l.Now}
	action, err := l.set.Bind(call)
	if err != nil {
		return refusal(err)
	}
	env := contract.NewEnv(l, action.Footprint, l.Now)
	if err := action.Run(env); err != nil {
		return refusal(err)
	}
	l.apply(env)
	return nil, env.Events(), nil
}

func refusal(err error) (*contract.Error, []ledger.Event, error) {
	if refused, ok := errors.AsType[*contract.Error](err); ok {
		return refused, nil, nil
	}
	return nil, nil, err
}

func (l *Ledger) apply(env *contract.Env) {
	for _, w := range env.Writes() {
		if w.Delete {
			delete(l.rows, contract.Key(w.Key))
			continue
		}
		l.rows[contract.Key(w.Key)] = w.Value
	}
}

// Suspend has a node suspended, and no other.
func (l *Ledger) Suspend(node string) error {
	b, err := ledger.Encode([]governance.Suspension{{Node: ID(node), Height: 1, Since: l.Now}})
	if err == nil {
		l.rows[governance.SuspendedRow] = b
	}
	return err
}

// Regroup has nodes be the group from now on; what was opened before goes by the
// one that it began with.
func (l *Ledger) Regroup(nodes ...string) error {
	group := l.Group
	group.Epoch++
	group.Nodes = nil
	for _, node := range nodes {
		n, ok := l.Group.Find(ID(node))
		if !ok {
			n.Node = ID(node)
		}
		group.Nodes = append(group.Nodes, n)
	}
	slices.SortFunc(group.Nodes, func(a, b ledger.GroupNode) int { return bytes.Compare(a.Node[:], b.Node[:]) })
	b, err := ledger.Encode(&group)
	if err == nil {
		l.rows[governance.GroupRow] = b
	}
	return err
}

// Receipt returns a node's signed receipt after the caller has changed it.
func (l *Ledger) Receipt(node string, signer string, change func(*ledger.Receipt)) []byte {
	r := ledger.Receipt{Version: ledger.Version, Chain: l.Chain, Node: ID(node)}
	change(&r)
	key := l.keys[ID(signer)]
	e, err := r.Sign(key.ID(), key.Sign)
	if err != nil {
		return nil
	}
	return e.Bytes()
}

// Row returns the bytes of a row, nil where there is none.
func (l *Ledger) Row(key contract.Key) []byte { return l.rows[key] }
