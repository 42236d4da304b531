package contract_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// rows is a state in memory; errBroken is what its row "broken" gives.
type rows map[contract.Key][]byte

var errBroken = errors.New("disk says no")

func (r rows) Get(key contract.Key) ([]byte, bool, error) {
	if key == "broken" {
		return nil, false, errBroken
	}
	value, ok := r[key]
	return value, ok, nil
}

func wantCode(tb testing.TB, err error, code ledger.Code) {
	tb.Helper()
	var refused *contract.Error
	if !errors.As(err, &refused) || refused.Code != code || refused.Detail == "" {
		tb.Fatalf("got %v, want code %s with a detail", err, code)
	}
}

// wantNothing holds invariant 3: what failed leaves no trace.
func wantNothing(tb testing.TB, env *contract.Env) {
	tb.Helper()
	if env.Err() == nil || len(env.Writes()) != 0 || len(env.Events()) != 0 {
		tb.Fatalf("after the failure %v: writes %v, events %v", env.Err(), env.Writes(), env.Events())
	}
}

func TestFootprintIsEnforced(t *testing.T) {
	t.Parallel()
	state := rows{"read": []byte("r"), "written": []byte("w"), "other": []byte("o")}
	footprint := contract.Footprint{Reads: []contract.Key{"read", "both", "broken"}, Writes: []contract.Key{"written", "both"}}
	tests := []struct {
		name string
		run  func(*contract.Env) error
		code ledger.Code // empty where it is allowed
	}{
		{"read what may be read", func(e *contract.Env) error { _, _, err := e.Get("read"); return err }, ""},
		{"read what may be written", func(e *contract.Env) error { _, _, err := e.Get("written"); return err }, ""},
		{"write what may be written", func(e *contract.Env) error { return e.Set("written", nil) }, ""},
		{"delete what may be written", func(e *contract.Env) error { return e.Delete("written") }, ""},
		{"write what stands in both", func(e *contract.Env) error { return e.Set("both", nil) }, ""},
		{"read another", func(e *contract.Env) error { _, _, err := e.Get("other"); return err }, contract.CodeOutsideFootprint},
		{"read an absent one", func(e *contract.Env) error { _, _, err := e.Get("absent"); return err }, contract.CodeOutsideFootprint},
		{"read a prefix", func(e *contract.Env) error { _, _, err := e.Get("rea"); return err }, contract.CodeOutsideFootprint},
		{"read the empty key", func(e *contract.Env) error { _, _, err := e.Get(""); return err }, contract.CodeOutsideFootprint},
		{"write what may be read", func(e *contract.Env) error { return e.Set("read", nil) }, contract.CodeOutsideFootprint},
		{"delete what may be read", func(e *contract.Env) error { return e.Delete("read") }, contract.CodeOutsideFootprint},
		{"write another", func(e *contract.Env) error { return e.Set("other", nil) }, contract.CodeOutsideFootprint},
		{"delete another", func(e *contract.Env) error { return e.Delete("other") }, contract.CodeOutsideFootprint},
		{"load another", func(e *contract.Env) error { _, _, err := contract.Load[int](e, "other"); return err }, contract.CodeOutsideFootprint},
		{"store another", func(e *contract.Env) error { return contract.Store(e, "other", 1) }, contract.CodeOutsideFootprint},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env := contract.NewEnv(state, footprint, 42)
			if err := env.Set("written", []byte("before")); err != nil {
				t.Fatal(err)
			}
			if err := env.Emit("before", 1); err != nil {
				t.Fatal(err)
			}
			err := tt.run(env)
			if tt.code == "" {
				if err != nil || env.Err() != nil {
					t.Fatalf("refused: %v, %v", err, env.Err())
				}
				return
			}
			wantCode(t, err, tt.code)
			wantNothing(t, env)
			// The first error stays, whatever comes after it.
			if after := env.Set("written", nil); after != nil || !errors.Is(env.Err(), err) {
				t.Fatalf("the next write gives %v, the environment says %v", after, env.Err())
			}
			wantNothing(t, env)
		})
	}
}

// TestEnvTwin runs sequences of operations against a map and a list.
func TestEnvTwin(t *testing.T) {
	t.Parallel()
	keys := []contract.Key{"a", "b", "c", "d\x00", ""}
	rapid.Check(t, func(t *rapid.T) {
		state := rows{}
		for _, k := range keys {
			if rapid.Bool().Draw(t, "present") {
				state[k] = []byte("old " + k)
			}
		}
		before := maps.Clone(state)
		env := contract.NewEnv(state, contract.Footprint{Writes: keys}, 42)
		twin, touched := maps.Clone(state), map[contract.Key]bool{}
		var events []string
		for range rapid.IntRange(0, 20).Draw(t, "operations") {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			switch rapid.IntRange(0, 3).Draw(t, "operation") {
			case 0:
				value := rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "value")
				if err := env.Set(k, value); err != nil {
					t.Fatal(err)
				}
				twin[k], touched[k] = value, true
			case 1:
				if err := env.Delete(k); err != nil {
					t.Fatal(err)
				}
				delete(twin, k)
				touched[k] = true
			case 2:
				kind := rapid.StringN(1, 3, 9).Draw(t, "type")
				if err := env.Emit(kind, kind); err != nil {
					t.Fatal(err)
				}
				events = append(events, kind)
			}
			got, ok, err := env.Get(k)
			want, present := twin[k]
			if err != nil || ok != present || !bytes.Equal(got, want) {
				t.Fatalf("%q reads %q, %v, %v; want %q, %v", k, got, ok, err, want, present)
			}
		}
		writes := env.Writes()
		if len(writes) != len(touched) || !slices.IsSortedFunc(writes, func(a, b ledger.Write) int { return bytes.Compare(a.Key, b.Key) }) {
			t.Fatalf("writes %v, touched %v", writes, touched)
		}
		for _, w := range writes {
			value, present := twin[contract.Key(w.Key)]
			if !touched[contract.Key(w.Key)] || w.Delete == present || !bytes.Equal(w.Value, value) {
				t.Fatalf("write %+v, want %q, %v", w, value, present)
			}
		}
		for i, e := range env.Events() {
			if want, err := ledger.Encode(events[i]); err != nil || e.Type != events[i] || !bytes.Equal(e.Data, want) {
				t.Fatalf("event %d is %+v, want %s", i, e, events[i])
			}
		}
		if len(env.Events()) != len(events) || env.LogTime() != 42 || env.Err() != nil || !maps.EqualFunc(state, before, bytes.Equal) {
			t.Fatalf("%d events, log time %d, error %v, or the state before was changed", len(env.Events()), env.LogTime(), env.Err())
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	footprint := contract.Footprint{Writes: []contract.Key{"k", "l"}}
	t.Run("writes", func(t *testing.T) {
		t.Parallel()
		env := contract.NewEnv(rows{}, footprint, 0)
		if err := env.Set("k", make([]byte, contract.MaxWriteBytes-2)); err != nil {
			t.Fatalf("the largest write: %v", err)
		}
		if err := env.Delete("l"); err != nil {
			t.Fatalf("a key that fits: %v", err)
		}
		wantCode(t, env.Delete("l"), contract.CodeTooLarge)
		wantNothing(t, env)
	})
	t.Run("one row again and again", func(t *testing.T) {
		t.Parallel()
		env := contract.NewEnv(rows{}, footprint, 0)
		var err error
		for range 3 {
			if err = env.Set("k", make([]byte, contract.MaxWriteBytes/2-1)); err != nil {
				break
			}
		}
		wantCode(t, err, contract.CodeTooLarge)
	})
	t.Run("events", func(t *testing.T) {
		t.Parallel()
		env := contract.NewEnv(rows{}, footprint, 0)
		if err := env.Emit("e", make([]byte, contract.MaxEventBytes-10)); err != nil {
			t.Fatal(err)
		}
		if err := env.Emit("abcd", 1); err != nil {
			t.Fatalf("an event that just fits: %v", err)
		}
		wantCode(t, env.Emit("e", 1), contract.CodeTooLarge)
		wantNothing(t, env)
	})
	t.Run("genesis has none", func(t *testing.T) {
		t.Parallel()
		env := contract.NewGenesisEnv(rows{}, 0)
		for i := range 3 {
			if err := env.Set(contract.Key(fmt.Sprint(i)), make([]byte, contract.MaxWriteBytes)); err != nil {
				t.Fatal(err)
			}
		}
		if len(env.Writes()) != 3 {
			t.Errorf("%d writes", len(env.Writes()))
		}
	})
}

type balance struct {
	_      struct{} `cbor:",toarray"`
	Amount ledger.Amount
}

func TestLoadAndStore(t *testing.T) {
	t.Parallel()
	footprint := contract.Footprint{Reads: []contract.Key{"broken", "garbled", "long"}, Writes: []contract.Key{"k"}}
	state := rows{"garbled": []byte{0x81, 0x41, 0x00}, "long": {0x98, 0x01, 0x41, 0x05}}
	env := contract.NewEnv(state, footprint, 0)
	if v, ok, err := contract.Load[balance](env, "k"); v != nil || ok || err != nil {
		t.Errorf("an absent row is %v, %v, %v", v, ok, err)
	}
	if err := contract.Store(env, "k", balance{Amount: ledger.NewAmount(5)}); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := contract.Load[balance](env, "k"); err != nil || !ok || v.Amount != ledger.NewAmount(5) {
		t.Errorf("what was stored is %v, %v, %v", v, ok, err)
	}
	if err := env.Delete("k"); err != nil {
		t.Fatal(err)
	}
	if v, ok, err := contract.Load[balance](env, "k"); v != nil || ok || err != nil {
		t.Errorf("a deleted row is %v, %v, %v", v, ok, err)
	}

	// None of these is a result: the node stops (invariant 4).
	var refused *contract.Error
	for _, key := range []contract.Key{"garbled", "long"} {
		v, ok, err := contract.Load[balance](env, key)
		if v != nil || ok || !errors.Is(err, ledger.ErrMalformed) || errors.As(err, &refused) {
			t.Errorf("row %s is %v, %v, %v; want a MalformedError that is no result", key, v, ok, err)
		}
	}
	if err := contract.Store(env, "k", make(chan int)); err == nil || errors.As(err, &refused) {
		t.Errorf("a channel is stored: %v", err)
	}
	if _, _, err := contract.Load[balance](env, "broken"); !errors.Is(err, errBroken) || errors.As(err, &refused) {
		t.Errorf("a row that can't be read: %v", err)
	}
	wantNothing(t, env)
	env = contract.NewEnv(state, footprint, 0)
	if err := env.Emit("e", make(chan int)); err == nil || errors.As(err, &refused) {
		t.Errorf("a channel is emitted: %v", err)
	}
	wantNothing(t, env)
}
