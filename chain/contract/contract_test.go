package contract_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

type putArgs struct {
	Row   string `cbor:"row"`
	Value int    `cbor:"value"`
}

const codeNegative ledger.Code = "negative"

// unlucky is the number for which the board also reads a row that is broken.
const unlucky = 13

// board is a contract whose method puts a number into a row. Careless lets it
// go on after an error.
func board(careless bool) contract.Contract {
	footprint := func(call contract.Call, a *putArgs) (contract.Footprint, error) {
		if a.Row == "" {
			return contract.Footprint{}, contract.Errorf(contract.CodeBadArguments, "row: empty, want a name")
		}
		return contract.Footprint{Writes: []contract.Key{contract.Key(call.Contract + "/" + a.Row)}}, nil
	}
	run := func(env *contract.Env, call contract.Call, a *putArgs) error {
		if a.Value < 0 {
			return contract.Errorf(codeNegative, "value: %d, want 0 or more", a.Value)
		}
		err := contract.Store(env, contract.Key(call.Contract+"/"+strings.TrimPrefix(a.Row, "alias of ")), a.Value)
		if err != nil && !careless {
			return err
		}
		if a.Value == unlucky {
			if _, _, err := env.Get("broken"); err != nil && !careless {
				return err
			}
		}
		return env.Emit("put", a.Value)
	}
	return contract.Contract{
		Name:    "board",
		Methods: []contract.Method{contract.Handle("put", "Puts a number into a row.", footprint, run)},
	}
}

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := ledger.Encode(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func put(tb testing.TB, row string, value int) contract.Call {
	tb.Helper()
	return contract.Call{Contract: "board", Method: "put", Args: encode(tb, putArgs{Row: row, Value: value})}
}

func TestBind(t *testing.T) {
	t.Parallel()
	set := contract.NewSet(board(false))
	action, err := set.Bind(put(t, "a", 7))
	if err != nil || !slices.Equal(action.Footprint.Writes, []contract.Key{"board/a"}) || len(action.Footprint.Reads) != 0 {
		t.Fatalf("footprint %v, %v", action.Footprint, err)
	}
	good := put(t, "a", 7)
	tests := []struct {
		name   string
		change func(*contract.Call)
		code   ledger.Code
		detail string
	}{
		{"unknown contract", func(c *contract.Call) { c.Contract = "bored" }, contract.CodeUnknownContract, `"bored"`},
		{"unknown method", func(c *contract.Call) { c.Method = "Put" }, contract.CodeUnknownMethod, `"Put"`},
		{"empty method", func(c *contract.Call) { c.Method = "" }, contract.CodeUnknownMethod, `""`},
		{"name and method run together", func(c *contract.Call) { c.Contract, c.Method = "", "board.put" }, contract.CodeUnknownContract, `""`},
		{"no arguments", func(c *contract.Call) { c.Args = nil }, contract.CodeBadArguments, "board.put"},
		{"cut off", func(c *contract.Call) { c.Args = c.Args[:3] }, contract.CodeBadArguments, "board.put"},
		{"trailing byte", func(c *contract.Call) { c.Args = append(slices.Clone(c.Args), 0) }, contract.CodeBadArguments, "board.put"},
		{"unknown argument", func(c *contract.Call) {
			c.Args = encode(t, map[string]any{"row": "a", "value": 7, "more": 1})
		}, contract.CodeBadArguments, "unknown field"},
		{"missing argument", func(c *contract.Call) { c.Args = encode(t, map[string]any{"row": "a"}) }, contract.CodeBadArguments, "board.put"},
		{"wrong type", func(c *contract.Call) { c.Args = encode(t, map[string]any{"row": 1, "value": 7}) }, contract.CodeBadArguments, "putArgs.row"},
		{"not deterministic", func(c *contract.Call) { c.Args = []byte("\xa2\x65value\x07\x63row\x61a") }, contract.CodeBadArguments, "byte"},
		{"too long", func(c *contract.Call) { c.Args = make([]byte, contract.MaxArgsBytes+1) }, contract.CodeBadArguments, "length"},
		{"refused by the footprint", func(c *contract.Call) { c.Args = encode(t, putArgs{}) }, contract.CodeBadArguments, "row"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			call := good
			tt.change(&call)
			action, err := set.Bind(call)
			wantCode(t, err, tt.code)
			if !strings.Contains(err.Error(), tt.detail) || action.Run != nil {
				t.Errorf("%v does not name %q, or there is an action", err, tt.detail)
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		row      string
		value    int
		reads    []contract.Key
		careless bool
		code     ledger.Code
		broken   bool // no result: the state can't be read
	}{
		{"good", "a", 7, nil, false, ledger.CodeOK, false},
		{"negative", "a", -1, nil, false, codeNegative, false},
		{"outside its footprint", "alias of a", 7, nil, false, contract.CodeOutsideFootprint, false},
		{"outside, and goes on", "alias of a", 7, nil, true, contract.CodeOutsideFootprint, false},
		{"reads outside its footprint", "a", unlucky, nil, false, contract.CodeOutsideFootprint, false},
		{"reads outside, and goes on", "a", unlucky, nil, true, contract.CodeOutsideFootprint, false},
		{"broken state", "a", unlucky, []contract.Key{"broken"}, false, "", true},
		{"broken state, and goes on", "a", unlucky, []contract.Key{"broken"}, true, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			action, err := contract.NewSet(board(tt.careless)).Bind(put(t, tt.row, tt.value))
			if err != nil {
				t.Fatal(err)
			}
			action.Footprint.Reads = tt.reads
			env := contract.NewEnv(rows{}, action.Footprint, 0)
			err = action.Run(env)
			switch {
			case tt.broken:
				var refused *contract.Error
				if !errors.Is(err, errBroken) || errors.As(err, &refused) {
					t.Fatalf("got %v, want an error that is no result (invariant 4)", err)
				}
				wantNothing(t, env)
			case tt.code == ledger.CodeOK:
				if err != nil || len(env.Writes()) != 1 || len(env.Events()) != 1 {
					t.Fatalf("%v, writes %v, events %v", err, env.Writes(), env.Events())
				}
			case tt.code == codeNegative: // the method's own refusal, which the executor drops with the environment
				wantCode(t, err, tt.code)
			default:
				wantCode(t, err, tt.code)
				wantNothing(t, env)
			}
		})
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	other := contract.Contract{Name: "other"}
	set := contract.NewSet(other, board(false))
	var names []string
	for _, c := range set.Contracts() {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"other", "board"}) {
		t.Errorf("contracts %v, want the order in which they were given", names)
	}
	defer func() {
		if recover() == nil {
			t.Error("two contracts of one name make a set")
		}
	}()
	contract.NewSet(board(false), other, board(true))
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	err := contract.Errorf(contract.CodeNotFound, "job %d", 7)
	if err.Error() != "not_found: job 7" {
		t.Errorf("text is %q", err)
	}
}

// FuzzBind holds that arguments are taken in their one encoding alone, and that
// all else is a refusal with a code, never a stop.
func FuzzBind(f *testing.F) {
	for _, args := range [][]byte{encode(f, putArgs{"a", 7}), encode(f, putArgs{"", -1}), nil, {0xf6}, {0x9a, 0xff, 0xff, 0xff, 0xff}} {
		f.Add(args)
	}
	set := contract.NewSet(board(false))
	f.Fuzz(func(t *testing.T, args []byte) {
		action, err := set.Bind(contract.Call{Contract: "board", Method: "put", Args: args})
		if err != nil {
			wantCode(t, err, contract.CodeBadArguments)
			return
		}
		var read putArgs
		if err := ledger.Decode("arguments", args, len(args), &read); err != nil || !bytes.Equal(encode(t, read), args) {
			t.Fatalf("%x is taken for %+v, %v", args, read, err)
		}
		env := contract.NewEnv(rows{}, action.Footprint, 0)
		if err := action.Run(env); err == nil && len(env.Writes()) != 1 {
			t.Fatalf("writes %v", env.Writes())
		}
	})
}
