package contract_test

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

var rewriteGolden = flag.Bool("rewrite-golden", false, "rewrite testdata/golden.hex")

// TestGolden holds the bytes of every row, argument and event: they stand on
// ledgers for ever, so a change is a new protocol version. Each field is set to
// a value of its own.
func TestGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/golden.hex"
	var got strings.Builder
	for _, v := range []any{
		&fl.Chain{}, &fl.Job{}, &fl.Active{}, &fl.Term{}, &fl.Round{}, &fl.Cohort{}, &fl.Update{}, &fl.Commit{}, &fl.Attestation{}, &fl.Peer{},
		&fl.LostTerm{}, &fl.State{}, &fl.Roster{}, &fl.HashChain{}, &fl.Draw{},
		&fl.CreateJob{}, &fl.CancelJob{}, &fl.RegisterPeer{}, &fl.TakeTerm{}, &fl.RenewTerm{}, &fl.GiveUpTerm{}, &fl.OpenRound{},
		&fl.SubmitUpdate{}, &fl.DeclineUpdate{}, &fl.CloseRound{}, &fl.CommitRound{}, &fl.AttestRound{}, &fl.ExpireCommit{}, &fl.CloseJob{},
		&fl.CommitChain{}, &fl.RevealPreimage{}, &fl.DrawCohort{},
		&fl.ChainCommitted{}, &fl.RoundDrawing{}, &fl.RoundRevealed{},
		&fl.PeerRegistered{}, &fl.JobCreated{}, &fl.JobEnded{}, &fl.TermChanged{}, &fl.TermLost{}, &fl.RoundOpened{}, &fl.UpdateAnswered{},
		&fl.RoundClosed{}, &fl.RoundCommitted{}, &fl.RoundAttested{}, &fl.RoundEnded{},
	} {
		next := 0
		fill(t, reflect.ValueOf(v).Elem(), &next)
		b, err := ledger.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%T %s\n", v, hex.EncodeToString(b))
		again := reflect.New(reflect.TypeOf(v).Elem()).Interface()
		if err := ledger.Decode("golden", b, len(b), again); err != nil || !reflect.DeepEqual(again, v) {
			t.Errorf("%T came back as %+v, %v", v, again, err)
		}
	}
	if *rewriteGolden {
		if err := os.WriteFile(path, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the encoding differs from %s; now it is\n%s", path, got.String())
	}
}

// fill sets every field below v to a value that no other field has.
func fill(t *testing.T, v reflect.Value, next *int) {
	t.Helper()
	*next++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "_" {
				fill(t, v.Field(i), next)
			}
		}
	case reflect.Array:
		v.Index(v.Len() - 1).SetUint(uint64(*next))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0), next)
		fill(t, v.Index(1), next)
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fill(t, value, next)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(fmt.Sprint("name", *next)), value)
	case reflect.String:
		v.SetString(fmt.Sprint("text", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int64:
		v.SetInt(int64(*next))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*next))
	case reflect.Float64:
		v.SetFloat(float64(*next) / 3)
	default:
		t.Fatalf("no value for %s", v.Type())
	}
}
