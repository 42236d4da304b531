package contract

import (
	"fmt"
	"slices"

	"github.com/librum/librum/chain/ledger"
)

// Limits of what one transaction may leave behind.
const (
	MaxWriteBytes = 1 << 20
	MaxEventBytes = 64 << 10
)

// State is what an action reads: the state before it.
type State interface {
	// Get returns the value of key, or false where there is none. An error
	// means that the state could not be read.
	Get(key Key) ([]byte, bool, error)
}

// Env is what a running action sees of the world.
type Env struct {
	state      State
	allowed    map[Key]bool // true: may write; nil: everything (genesis)
	writes     map[Key]write
	writeBytes int
	events     []ledger.Event
	eventBytes int
	logTime    int64
	delegated  bool
	err        error // the first that a method returned
}

type write struct {
	value  []byte
	delete bool
}

// NewEnv returns the environment of one action at the given log time.
func NewEnv(state State, footprint Footprint, logTime int64) *Env {
	allowed := make(map[Key]bool, len(footprint.Reads)+len(footprint.Writes))
	for _, k := range footprint.Reads {
		allowed[k] = false
	}
	for _, k := range footprint.Writes {
		allowed[k] = true
	}
	return &Env{state: state, allowed: allowed, logTime: logTime}
}

// NewGenesisEnv returns an environment without a footprint, for the genesis
// parts alone.
func NewGenesisEnv(state State, logTime int64) *Env {
	return &Env{state: state, logTime: logTime}
}

// NewSealEnv returns an environment without a footprint, for what contracts do
// between two blocks: nothing else runs then.
func NewSealEnv(state State, logTime int64) *Env {
	return &Env{state: state, logTime: logTime}
}

// SetDelegated says that a node holds the key that signed for the sender. It is
// known from the state alone, so that no footprint can depend on it.
func (e *Env) SetDelegated(delegated bool) { e.delegated = delegated }

// Delegated reports whether a node holds the key that signed for the sender.
func (e *Env) Delegated() bool { return e.delegated }

// LogTime returns the time of the log at this record, ms.
func (e *Env) LogTime() int64 { return e.logTime }

// Get returns the value of key as the action left it so far. The caller must
// not change the bytes.
func (e *Env) Get(key Key) ([]byte, bool, error) {
	if e.allowed != nil {
		if _, ok := e.allowed[key]; !ok {
			return nil, false, e.fail(Errorf(CodeOutsideFootprint, "reads %q", string(key)))
		}
	}
	if w, ok := e.writes[key]; ok {
		return w.value, !w.delete, nil
	}
	value, ok, err := e.state.Get(key)
	if err != nil {
		return nil, false, e.fail(fmt.Errorf("read state row %q: %w", string(key), err))
	}
	return value, ok, nil
}

// Set writes value under key. The caller must not change the bytes afterwards.
func (e *Env) Set(key Key, value []byte) error { return e.put(key, write{value: value}) }

// Delete removes key.
func (e *Env) Delete(key Key) error { return e.put(key, write{delete: true}) }

func (e *Env) put(key Key, w write) error {
	if e.allowed != nil && !e.allowed[key] {
		return e.fail(Errorf(CodeOutsideFootprint, "writes %q", string(key)))
	}
	if e.writes == nil {
		e.writes = map[Key]write{}
	}
	if e.allowed != nil {
		if e.writeBytes += len(key) + len(w.value); e.writeBytes > MaxWriteBytes {
			return e.fail(Errorf(CodeTooLarge, "writes more than %d bytes", MaxWriteBytes))
		}
	}
	e.writes[key] = w
	return nil
}

// Emit adds an event whose data is the deterministic encoding of data.
func (e *Env) Emit(kind string, data any) error {
	b, err := ledger.Encode(data)
	if err != nil {
		return e.fail(fmt.Errorf("encode event %s: %w", kind, err))
	}
	if e.eventBytes += len(kind) + len(b); e.eventBytes > MaxEventBytes {
		return e.fail(Errorf(CodeTooLarge, "events of more than %d bytes", MaxEventBytes))
	}
	e.events = append(e.events, ledger.Event{Type: kind, Data: b})
	return nil
}

func (e *Env) fail(err error) error {
	if e.err == nil {
		e.err = err
	}
	return err
}

// Err returns the first error that a method of the environment returned. A run
// that went on after it must not take effect (invariants 2 and 4); [Handle] sees
// to that.
func (e *Env) Err() error { return e.err }

// Writes returns what the action wrote, keys ascending, and nothing once
// [Env.Err] is not nil.
func (e *Env) Writes() []ledger.Write {
	if e.err != nil {
		return nil
	}
	keys := make([]Key, 0, len(e.writes))
	for k := range e.writes {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]ledger.Write, len(keys))
	for i, k := range keys {
		w := e.writes[k]
		out[i] = ledger.Write{Key: []byte(k), Value: w.value, Delete: w.delete}
	}
	return out
}

// Events returns what the action emitted, in order, and nothing once [Env.Err]
// is not nil.
func (e *Env) Events() []ledger.Event {
	if e.err != nil {
		return nil
	}
	return e.events
}

// Load reads the row at key into a T, or false where there is none.
func Load[T any](env *Env, key Key) (*T, bool, error) {
	return LoadFrom[T](env, key)
}

// LoadFrom reads a row of any state into a T, or false where there is none.
func LoadFrom[T any](state State, key Key) (*T, bool, error) {
	b, ok, err := state.Get(key)
	if err != nil || !ok {
		return nil, false, err
	}
	v := new(T)
	if err := ledger.Decode("state row", b, MaxWriteBytes, v); err != nil {
		return nil, false, fmt.Errorf("read state row %q: %w", string(key), err)
	}
	return v, true, nil
}

// Store writes the deterministic encoding of value under key.
func Store(env *Env, key Key, value any) error {
	b, err := ledger.Encode(value)
	if err != nil {
		return fmt.Errorf("encode state row %q: %w", string(key), err)
	}
	return env.Set(key, b)
}
