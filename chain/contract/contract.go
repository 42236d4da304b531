package contract

import (
	"github.com/librum/librum/chain/ledger"
)

// Contract is a set of methods over its own part of the state.
type Contract struct {
	Name    string
	Summary string
	Methods []Method
	// Genesis writes the contract's first state. Nil where it has none.
	Genesis func(g *ledger.Genesis, env *Env) error
	// Seal does what is due between the block of that height, which has ended, and
	// the next. Nil where nothing ever is.
	Seal func(env *Env, height uint64) error
}

// Method is one thing a contract can be told to do.
type Method struct {
	Name    string
	Summary string
	// Bind decodes a call's arguments and returns what to do. It fails with an
	// [Error] where the arguments are wrong.
	Bind func(call Call) (Action, error)
}

// Call is a transaction as a contract sees it. Its sender is proven.
type Call struct {
	ID       ledger.Digest
	Chain    ledger.Digest
	Shard    uint32
	Sender   ledger.ID
	Contract string
	Method   string
	Args     []byte
	Position ledger.Position
	Height   uint64 // of the block being made
	LogTime  int64  // ms

	Key ledger.Digest // id of the key that signed
}

// Action is a call bound to the keys it touches.
type Action struct {
	Footprint Footprint
	Run       func(env *Env) error
}

// Footprint names the keys an action may touch. What it may write it may read.
type Footprint struct {
	Reads  []Key
	Writes []Key
}

// Key names a row of the state: "contract/kind/…". It may hold any bytes.
type Key string

// MaxArgsBytes bounds the arguments of a call.
const MaxArgsBytes = ledger.MaxTransactionBytes

// Handle makes a method from typed arguments: a pure function that names the
// keys, and one that runs. What the environment refused ends the run even
// where the method goes on.
func Handle[A any](
	name, summary string,
	footprint func(Call, *A) (Footprint, error),
	run func(*Env, Call, *A) error,
) Method {
	bind := func(call Call) (Action, error) {
		args := new(A)
		if err := ledger.Decode("arguments of "+call.Contract+"."+name, call.Args, MaxArgsBytes, args); err != nil {
			return Action{}, Errorf(CodeBadArguments, "%v", err)
		}
		keys, err := footprint(call, args)
		if err != nil {
			return Action{}, err
		}
		return Action{Footprint: keys, Run: func(env *Env) error {
			err := run(env, call, args)
			if refused := env.Err(); refused != nil {
				return refused // whatever the method made of it
			}
			return err
		}}, nil
	}
	return Method{Name: name, Summary: summary, Bind: bind}
}

// Set is the contracts of one rule set, by name.
type Set struct {
	contracts map[string]Contract
	methods   map[string]Method
	order     []string
}

// NewSet returns the set of the given contracts; their genesis parts run in
// the order given. It panics where two share a name: the contracts of a rule
// set are written down in code.
func NewSet(contracts ...Contract) *Set {
	s := &Set{contracts: map[string]Contract{}, methods: map[string]Method{}}
	for _, c := range contracts {
		if _, taken := s.contracts[c.Name]; taken {
			panic("contract: two contracts are named " + c.Name)
		}
		s.contracts[c.Name] = c
		s.order = append(s.order, c.Name)
		for _, m := range c.Methods {
			s.methods[c.Name+"."+m.Name] = m
		}
	}
	return s
}

// Bind finds the method of a call and binds it.
func (s *Set) Bind(call Call) (Action, error) {
	m, ok := s.methods[call.Contract+"."+call.Method]
	if ok {
		return m.Bind(call)
	}
	if _, ok := s.contracts[call.Contract]; !ok {
		return Action{}, Errorf(CodeUnknownContract, "no contract %q", call.Contract)
	}
	return Action{}, Errorf(CodeUnknownMethod, "contract %s has no method %q", call.Contract, call.Method)
}

// Contracts returns the contracts in the order they were given.
func (s *Set) Contracts() []Contract {
	all := make([]Contract, 0, len(s.order))
	for _, name := range s.order {
		all = append(all, s.contracts[name])
	}
	return all
}

// Rules are the rule sets of a chain, that of protocol version 1 first. A binary
// keeps each that was ever in force and picks by height.
type Rules []*Set

// At returns the rule set of a protocol version, or false where this binary
// does not have it.
func (r Rules) At(version uint64) (*Set, bool) {
	if version == 0 || version > uint64(len(r)) {
		return nil, false
	}
	return r[version-1], true
}

// Row is a key of the state with its value.
type Row struct {
	Key   Key
	Value []byte
}

// Range is a state that can be listed.
type Range interface {
	State
	// Scan returns up to limit rows whose keys start with prefix and lie
	// after the key after, ascending. An empty after starts at the first.
	Scan(prefix, after Key, limit int) ([]Row, error)
}
