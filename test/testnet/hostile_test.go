package testnet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/test/testnet"
)

// hostility is one way to misbehave, and what must come of it.
type hostility struct {
	name    string
	forge   func(t *testing.T, spec *job.Spec, model []byte) testnet.Forgery
	refused aggregator.Refusal // by the nodes; empty: the update never gets that far
	codes   []ledger.Code      // of the submissions in one round
	upload  error              // that the upload ends with
	counts  bool               // the update takes part all the same
}

// file is a forgery of nothing but the file.
func file(change func(t *testing.T, spec *job.Spec, model []byte) []byte) func(*testing.T, *job.Spec, []byte) testnet.Forgery {
	return func(t *testing.T, spec *job.Spec, model []byte) testnet.Forgery {
		t.Helper()
		return testnet.Forgery{File: change(t, spec, model), NumExamples: 7}
	}
}

// with is a forgery of anything but the file.
func with(f testnet.Forgery) func(*testing.T, *job.Spec, []byte) testnet.Forgery {
	return func(_ *testing.T, _ *job.Spec, model []byte) testnet.Forgery {
		f.File = model
		return f
	}
}

// value puts a number in the model's last coordinate.
func value(x float32) func(*testing.T, *job.Spec, []byte) []byte {
	return func(_ *testing.T, _ *job.Spec, model []byte) []byte {
		b := slices.Clone(model)
		binary.LittleEndian.PutUint32(b[len(b)-4:], math.Float32bits(x))
		return b
	}
}

// layout writes a file of zeros whose tensors are the changed ones of the
// model.
func layout(change func([]tensor.Tensor) []tensor.Tensor) func(*testing.T, *job.Spec, []byte) []byte {
	return func(t *testing.T, spec *job.Spec, _ []byte) []byte {
		t.Helper()
		l, err := train.FileLayout(train.FromJob(spec))
		if err != nil {
			t.Fatal(err)
		}
		forged, err := tensor.NewLayout(change(slices.Clone(l.Tensors())), tensor.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return append(forged.Header(), make([]byte, forged.DataBytes())...)
	}
}

// header is a file that is nothing but a header.
func header(text string) func(*testing.T, *job.Spec, []byte) []byte {
	return func(*testing.T, *job.Spec, []byte) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	}
}

func receipts(change func([][]byte) [][]byte) func(*testing.T, *job.Spec, []byte) testnet.Forgery {
	return with(testnet.Forgery{NumExamples: 7, Receipts: change})
}

var accepted = []ledger.Code{ledger.CodeOK}

var hostilities = []hostility{
	{
		name: "truncated", refused: aggregator.RefusedFormat, codes: accepted,
		forge: file(func(_ *testing.T, _ *job.Spec, m []byte) []byte { return m[:len(m)-5] }),
	},
	{
		name: "header alone", refused: aggregator.RefusedFormat, codes: accepted,
		forge: file(func(_ *testing.T, _ *job.Spec, m []byte) []byte { return m[:64] }),
	},
	{
		name: "a byte too many", refused: aggregator.RefusedFormat, codes: accepted,
		forge: file(func(_ *testing.T, _ *job.Spec, m []byte) []byte { return append(slices.Clone(m), 0) }),
	},
	{
		name: "larger than any update", codes: []ledger.Code{fl.CodeBadReceipt}, upload: blob.ErrTooLarge,
		forge: file(func(t *testing.T, spec *job.Spec, m []byte) []byte {
			t.Helper()
			l, err := train.FileLayout(train.FromJob(spec))
			if err != nil {
				t.Fatal(err)
			}
			return append(slices.Clone(m), make([]byte, aggregator.MaxUpdateBytes(l)+1-int64(len(m)))...)
		}),
	},
	{name: "NaN", refused: aggregator.RefusedNaN, codes: accepted, forge: file(value(float32(math.NaN())))},
	{name: "infinity", refused: aggregator.RefusedNaN, codes: accepted, forge: file(value(float32(math.Inf(1))))},
	{name: "negative infinity", refused: aggregator.RefusedNaN, codes: accepted, forge: file(value(float32(math.Inf(-1))))},
	{
		name: "another model", refused: aggregator.RefusedShape, codes: accepted,
		forge: file(func(t *testing.T, spec *job.Spec, m []byte) []byte {
			t.Helper()
			other := *spec
			other.Model.Layers = []int64{64, 9, 10}
			return layout(func(ts []tensor.Tensor) []tensor.Tensor { return ts })(t, &other, m)
		}),
	},
	{
		name: "transposed", refused: aggregator.RefusedShape, codes: accepted,
		forge: file(layout(func(ts []tensor.Tensor) []tensor.Tensor {
			i := slices.IndexFunc(ts, func(s tensor.Tensor) bool { return len(s.Shape) == 2 })
			ts[i].Shape = []int64{ts[i].Shape[1], ts[i].Shape[0]}
			return ts
		})),
	},
	{
		name: "another type", refused: aggregator.RefusedShape, codes: accepted,
		forge: file(layout(func(ts []tensor.Tensor) []tensor.Tensor {
			ts[0].DType = tensor.F64
			return ts
		})),
	},
	{
		name: "a tensor too many", refused: aggregator.RefusedShape, codes: accepted,
		forge: file(layout(func(ts []tensor.Tensor) []tensor.Tensor {
			return append(ts, tensor.Tensor{Name: "more", DType: tensor.F32, Shape: []int64{1}})
		})),
	},
	{
		name: "a tensor too few", refused: aggregator.RefusedShape, codes: accepted,
		forge: file(layout(func(ts []tensor.Tensor) []tensor.Tensor { return ts[1:] })),
	},
	{
		name: "a tensor of another name", refused: aggregator.RefusedShape, codes: accepted,
		forge: file(layout(func(ts []tensor.Tensor) []tensor.Tensor {
			ts[0].Name = "other"
			return ts
		})),
	},
	{name: "no tensor", refused: aggregator.RefusedShape, codes: accepted, forge: file(header("{}"))},
	{
		name: "random bytes", refused: aggregator.RefusedFormat, codes: accepted,
		forge: file(func(_ *testing.T, _ *job.Spec, m []byte) []byte {
			b := make([]byte, len(m))
			_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
			return b
		}),
	},
	{name: "empty header", refused: aggregator.RefusedFormat, codes: accepted, forge: file(header(""))},
	{name: "header that does not end", refused: aggregator.RefusedFormat, codes: accepted, forge: file(header(`{"a":`))},
	{
		name: "header of absurd length", refused: aggregator.RefusedFormat, codes: accepted,
		forge: file(func(*testing.T, *job.Spec, []byte) []byte {
			return append(binary.LittleEndian.AppendUint64(nil, math.MaxInt64), '{', '}')
		}),
	},
	{
		name: "empty file", upload: nil, codes: []ledger.Code{contract.CodeBadArguments},
		forge: file(func(*testing.T, *job.Spec, []byte) []byte { return []byte{} }),
	},
	{
		name: "another file's digest", upload: blob.ErrDigest, codes: []ledger.Code{fl.CodeBadReceipt},
		forge: with(testnet.Forgery{Digest: ledger.Digest{1, 2, 3}, NumExamples: 7}),
	},
	{name: "examples above the cap", codes: []ledger.Code{contract.CodeBadArguments}, forge: with(testnet.Forgery{NumExamples: 1001})},
	{name: "no examples", codes: []ledger.Code{contract.CodeBadArguments}, forge: with(testnet.Forgery{NumExamples: 0})},
	{
		name: "second submission", counts: true, codes: []ledger.Code{ledger.CodeOK, fl.CodeAnswered},
		forge: with(testnet.Forgery{NumExamples: 7, Repeat: true}),
	},
	{name: "no submission", codes: nil, forge: with(testnet.Forgery{Silent: true})},
	{name: "no receipts", codes: []ledger.Code{fl.CodeBadReceipt}, forge: receipts(func([][]byte) [][]byte { return nil })},
	{
		name: "one organisation's receipt", codes: []ledger.Code{fl.CodeBadReceipt},
		forge: receipts(func(r [][]byte) [][]byte { return r[:1] }),
	},
	{
		name: "one organisation's receipt twice", codes: []ledger.Code{fl.CodeBadReceipt},
		forge: receipts(func(r [][]byte) [][]byte { return [][]byte{r[0], r[0]} }),
	},
	{
		name: "a receipt changed", codes: []ledger.Code{fl.CodeBadReceipt},
		forge: receipts(func(r [][]byte) [][]byte {
			b := bytes.Clone(r[1])
			b[len(b)-1] ^= 1
			return [][]byte{r[0], b}
		}),
	},
	{
		name: "too many receipts", codes: []ledger.Code{contract.CodeBadArguments},
		forge: receipts(func(r [][]byte) [][]byte { return slices.Repeat(r, fl.MaxReceipts) }),
	},
}

// TestHostilePeerCostsTheJobOnlyItself lets one of four peers misbehave in each
// of the ways: the round becomes final with the others' updates, the job
// finishes, and verify says right.
func TestHostilePeerCostsTheJobOnlyItself(t *testing.T) {
	t.Parallel()
	for i, h := range hostilities {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			const rounds = 1
			net := network(t, uint64(100+i), 4, 4)
			spec := small(rounds, 3)
			spec.MinAvailablePeers, spec.MaxNumExamples = 4, 1000
			var liar *testnet.Hostile
			net.Replace(2, func(seat testnet.Seat) testnet.Participant {
				liar = testnet.NewHostile(seat, func(_ *fl.RoundOpened, model []byte) testnet.Forgery { return h.forge(t, &spec, model) })
				return liar
			})
			begin(t, net, spec)
			end(t, net, job.StateFinished, "", rounds)
			if liar.Tasks != rounds {
				t.Errorf("the hostile peer had %d tasks, want %d", liar.Tasks, rounds)
			}
			if want := slices.Repeat(h.codes, rounds); !slices.Equal(liar.Codes, want) {
				t.Errorf("its submissions ended with %v, want %v", liar.Codes, want)
			}
			if !errors.Is(liar.UploadErr, h.upload) {
				t.Errorf("its upload ended with %v, want %v", liar.UploadErr, h.upload)
			}
			for number := uint64(1); number <= rounds; number++ {
				checkRound(t, net, number, net.PeerID(2), h)
			}
			verified(t, net, rounds)
		})
	}
}

// checkRound checks what the ledger says of one round with a hostile peer.
func checkRound(t *testing.T, net *testnet.Net, number uint64, liar ledger.ID, h hostility) {
	t.Helper()
	_, c := round(t, net, number)
	var want []fl.Refused
	if h.refused != "" {
		want = []fl.Refused{{Peer: liar, Reason: h.refused}}
	}
	if !slices.Equal(c.Refused, want) {
		t.Errorf("round %d refused %v, want %v", number, c.Refused, want)
	}
	peers := make([]ledger.ID, 0, 4)
	for i := range 4 {
		if id := net.PeerID(i); id != liar || h.counts {
			peers = append(peers, id)
		}
	}
	slices.SortFunc(peers, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	if c.Count != uint64(len(peers)) {
		t.Errorf("round %d averaged %d updates, want %d", number, c.Count, len(peers))
	}
	averages(t, net, number, peers)
}

// TestTooManyRefusalsVoidTheRound has so many peers lie that too few updates
// remain: the round is void, opened again, and the third time ends the job.
func TestTooManyRefusalsVoidTheRound(t *testing.T) {
	t.Parallel()
	net := network(t, 50, 4, 4)
	for _, i := range []int{0, 3} {
		net.Replace(i, func(seat testnet.Seat) testnet.Participant {
			return testnet.NewHostile(seat, func(_ *fl.RoundOpened, model []byte) testnet.Forgery {
				return testnet.Forgery{File: value(float32(math.NaN()))(t, nil, model), NumExamples: 1}
			})
		})
	}
	begin(t, net, small(2, 3))
	end(t, net, job.StateFailed, job.ReasonVoidRounds, 0)
	r, c := round(t, net, 1)
	if r.State != job.RoundVoid || r.Attempt != job.MaxVoids || r.Submitted != 4 {
		t.Errorf("round 1 ended as %+v", r)
	}
	if c == nil || len(c.Refused) != 2 || c.Count != 2 || !c.Model.IsZero() {
		t.Fatalf("round 1 was committed as %+v", c)
	}
	for _, refused := range c.Refused {
		if refused.Reason != aggregator.RefusedNaN {
			t.Errorf("refused %v, want %s", refused, aggregator.RefusedNaN)
		}
	}
	if r := report(t, net); r.First != nil || r.Incomplete || r.Rounds != 0 {
		t.Errorf("verify: first %v, incomplete %t, %d rounds", r.First, r.Incomplete, r.Rounds)
	}
}

// TestVoidRoundIsMadeUpFor has peers lie in the first attempt only.
func TestVoidRoundIsMadeUpFor(t *testing.T) {
	t.Parallel()
	net := network(t, 51, 4, 3)
	net.Replace(1, func(seat testnet.Seat) testnet.Participant {
		return testnet.NewHostile(seat, func(task *fl.RoundOpened, model []byte) testnet.Forgery {
			if task.Attempt > 1 {
				return testnet.Forgery{File: model, NumExamples: 3}
			}
			return testnet.Forgery{File: []byte("not a model"), NumExamples: 3}
		})
	})
	begin(t, net, small(2, 3))
	end(t, net, job.StateFinished, "", 2)
	if r, c := round(t, net, 1); r.Attempt != 2 || len(c.Refused) != 0 {
		t.Errorf("round 1 is final at attempt %d with refusals %v, want attempt 2 without", r.Attempt, c.Refused)
	}
	verified(t, net, 2)
}
