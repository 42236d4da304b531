package aggregation_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"github.com/librum/librum/aggregator"
	"github.com/librum/librum/aggregator/aggregatortest"
	"github.com/librum/librum/aggregator/strategy"
	"github.com/librum/librum/aggregator/tensor"
	"github.com/librum/librum/chain/blob"
	blobfile "github.com/librum/librum/chain/blob/file"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/aggregation"
	"github.com/librum/librum/fl/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var alice, bob = ledger.ID{1}, ledger.ID{2}

// bench is a service whose clock and disk the test holds.
type bench struct {
	*aggregation.Service

	t      *testing.T
	config aggregation.Config
	now    time.Time
	free   int64
}

func start(t *testing.T, limits aggregation.Limits) *bench {
	t.Helper()
	b := &bench{t: t, now: time.UnixMilli(1_000_000), free: 1 << 40}
	b.config = aggregation.Config{
		Dir: filepath.Join(t.TempDir(), "aggregations"),
		Files: func(ctx context.Context, dir string) (aggregation.Store, error) {
			return blobfile.Open(ctx, vfs.Default, dir, blobfile.Options{})
		},
		Free: func() (int64, error) { return b.free, nil }, Now: func() time.Time { return b.now }, Limits: limits,
	}
	b.open()
	t.Cleanup(b.close)
	return b
}

func (b *bench) open() {
	b.t.Helper()
	var err error
	if b.Service, err = aggregation.OpenService(b.t.Context(), b.config); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) close() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Error(err)
	}
}

func (b *bench) create(key string, s job.Strategy) ledger.Digest {
	b.t.Helper()
	v, created, err := b.Create(b.t.Context(), alice, []byte(key), aggregation.Spec{Strategy: s})
	if err != nil || !created {
		b.t.Fatalf("create: %v, %v", created, err)
	}
	return v.ID
}

func announcement(name string, file []byte, examples uint64) aggregation.Input {
	return aggregation.Input{Name: name, Kind: aggregation.Update, Digest: sha256.Sum256(file), Size: int64(len(file)), NumExamples: examples}
}

// send announces a file and sends it in two parts.
func (b *bench) send(id ledger.Digest, in aggregation.Input, file []byte) {
	b.t.Helper()
	if _, err := b.Announce(b.t.Context(), id, in); err != nil {
		b.t.Fatal(err)
	}
	half := len(file) / 2
	for _, part := range [][]byte{file[:half], file[half:]} {
		p, err := b.Input(b.t.Context(), id, in.Name)
		if err == nil && !p.Complete {
			p, err = b.Append(b.t.Context(), id, in.Name, p.Offset, bytes.NewReader(part))
		}
		if err != nil {
			b.t.Fatalf("%+v, %v", p, err)
		}
	}
}

// run takes an aggregation to its end.
func (b *bench) run(id ledger.Digest) aggregation.View {
	b.t.Helper()
	if v, err := b.Start(id); err != nil || v.State != aggregation.Running {
		b.t.Fatalf("start: %+v, %v", v, err)
	}
	b.Step(b.t.Context())
	v, err := b.Get(id)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

func (b *bench) result(id ledger.Digest, memory bool) []byte {
	b.t.Helper()
	content, file, err := b.Result(b.t.Context(), id, memory)
	if err != nil {
		b.t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
	if err := errors.Join(err, content.Close()); err != nil || ledger.Hash(got) != file.Digest {
		b.t.Fatalf("result of digest %s, want %s, %v", ledger.Hash(got), file.Digest, err)
	}
	return got
}

func model(t testing.TB) tensor.Layout {
	t.Helper()
	return aggregatortest.Layout(t, tensor.Tensor{Name: "bias", DType: tensor.F32, Shape: []int64{3}}, tensor.Tensor{Name: "w", DType: tensor.F32, Shape: []int64{2, 2}})
}

// file makes an update of seven numbers that begin with x.
func file(t testing.TB, x float32) []byte {
	t.Helper()
	data := make([]byte, 0, 28)
	for i := range 7 {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x*float32(i+1)+float32(i)/8))
	}
	return aggregatortest.Encode(t, model(t), data)
}

// TestSameBits holds fl/aggregation(1): by every strategy the files are those of
// the package strategy, also over a second aggregation that remembers the first,
// and with a restart between any two steps.
func TestSameBits(t *testing.T) {
	t.Parallel()
	for _, name := range strategy.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == strategy.Scaffold {
				t.Skip("its updates hold more: TestScaffold")
			}
			b := start(t, aggregation.Limits{})
			s := job.Strategy{Name: name}
			if name == strategy.FLTrust {
				s.Root = "u3"
			}
			rule, err := s.Rule()
			if err != nil {
				t.Fatal(err)
			}
			global := file(t, 0.5)
			var memory, wantMemory []byte
			for round := range 2 {
				id := b.create(fmt.Sprint(round), s)
				in := strategy.Input{Model: model(t), Cohort: 7, Root: []byte("u3"), Global: aggregator.Source{File: bytes.NewReader(global), Size: int64(len(global))}}
				for i := range 7 {
					update := file(t, float32(i)-2.25)
					announced := announcement(fmt.Sprintf("u%d", (i*3)%7), update, uint64(i+1))
					announced.Steps = uint64(i + 2)
					b.send(id, announced, update)
					in.Updates = append(in.Updates, aggregator.Update{
						Peer: []byte(announced.Name), File: bytes.NewReader(update), Size: announced.Size, Weight: announced.NumExamples, Steps: announced.Steps,
					})
				}
				whole := announcement("the-model", global, 0)
				whole.Kind = aggregation.Global
				b.send(id, whole, global)
				if memory != nil {
					before := announcement("the-memory", memory, 0)
					before.Kind = aggregation.Memory
					b.send(id, before, memory)
					in.State = &aggregator.Source{File: bytes.NewReader(wantMemory), Size: int64(len(wantMemory))}
				}
				b.close()
				b.open()
				if _, err := b.Start(id); err != nil {
					t.Fatal(err)
				}
				b.close()
				b.open() // and it stands in the queue again
				b.Step(t.Context())
				b.close()
				b.open()
				v, err := b.Get(id)
				if err != nil || v.State != aggregation.Done || v.Averaged != 7 || v.Examples != 28 || len(v.Refused) != 0 {
					t.Fatalf("%+v, %v", v, err)
				}
				var want, state bytes.Buffer
				if _, err := rule.Aggregate(t.Context(), in, strategy.Output{Model: &want, State: &state}, aggregator.Options{}); err != nil {
					t.Fatal(err)
				}
				if got := b.result(id, false); !bytes.Equal(got, want.Bytes()) {
					t.Errorf("round %d: another model", round)
				}
				if rule.Needs().State {
					if memory = b.result(id, true); !bytes.Equal(memory, state.Bytes()) {
						t.Errorf("round %d: another memory", round)
					}
					wantMemory = state.Bytes()
				}
			}
		})
	}
}

func TestScaffold(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	global := file(t, 1)
	layout, err := aggregator.ControlLayout(model(t))
	if err != nil {
		t.Fatal(err)
	}
	update := aggregatortest.Encode(t, layout, make([]byte, layout.DataBytes()))
	id := b.create("a", job.Strategy{Name: strategy.Scaffold})
	whole := announcement("model", global, 0)
	whole.Kind = aggregation.Global
	b.send(id, whole, global)
	b.send(id, announcement("u", update, 1), update)
	if v := b.run(id); v.State != aggregation.Done || v.Memory.Size == 0 {
		t.Errorf("%+v", v)
	}
}

// TestRefusals holds fl/aggregation(3).
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	nan := file(t, float32(math.NaN()))
	other := aggregatortest.Encode(t, aggregatortest.Layout(t, tensor.Tensor{Name: "other", DType: tensor.F32, Shape: []int64{1}}), make([]byte, 4))
	rubbish := []byte("no safetensors file at all")
	id := b.create("a", job.Strategy{Name: "fedavg"})
	for name, content := range map[string][]byte{"a-rubbish": rubbish, "b-good": file(t, 1), "c-nan": nan, "d-other": other, "e-good": file(t, 3)} {
		b.send(id, announcement(name, content, 10), content)
	}
	v := b.run(id)
	if v.State != aggregation.Done || v.Averaged != 2 || v.Examples != 20 || len(v.Refused) != 3 {
		t.Fatalf("%+v", v)
	}
	for i, want := range []struct {
		name   string
		reason aggregator.Refusal
	}{{"a-rubbish", aggregator.RefusedFormat}, {"c-nan", aggregator.RefusedNaN}, {"d-other", aggregator.RefusedShape}} {
		if r := v.Refused[i]; r.Name != want.name || r.Reason != want.reason || r.Detail == "" {
			t.Errorf("refused %+v, want %+v", r, want)
		}
	}
	if got := b.result(id, false); !bytes.Equal(got, file(t, 2)) {
		t.Errorf("the mean of 1 and 3 is another file than 2")
	}
	if _, _, err := b.Result(t.Context(), id, true); !errors.Is(err, aggregation.ErrNotFound) {
		t.Errorf("a memory of fedavg: %v", err)
	}

	// What failed takes other inputs.
	id = b.create("b", job.Strategy{Name: "krum"})
	for i := range 5 {
		content := nan
		if i > 1 {
			content = file(t, float32(i))
		}
		b.send(id, announcement(fmt.Sprint("u", i), content, 1), content)
	}
	if v := b.run(id); v.State != aggregation.Failed || len(v.Refused) != 2 || !strings.Contains(v.Reason, "at least 5") {
		t.Fatalf("%+v", v)
	}
	for i := range 2 {
		b.send(id, announcement(fmt.Sprint("u", i), file(t, float32(i)), 1), file(t, float32(i)))
	}
	if v := b.run(id); v.State != aggregation.Done || v.Reason != "" || len(v.Refused) != 0 || v.Averaged != 5 {
		t.Errorf("%+v", v)
	}
	if _, err := b.Announce(t.Context(), id, announcement("u9", nan, 1)); !errors.Is(err, aggregation.ErrState) {
		t.Errorf("an input for what is done: %v", err)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	for name, c := range map[string]struct {
		strategy job.Strategy
		updates  int
		want     string
	}{
		"none":    {job.Strategy{Name: "fedavg"}, 0, "no update"},
		"too few": {job.Strategy{Name: "krum"}, 4, "updates: want at least 5"},
		"global":  {job.Strategy{Name: "fedadam"}, 2, "global model"},
	} {
		id := b.create(name, c.strategy)
		for i := range c.updates {
			b.send(id, announcement(fmt.Sprint("u", i), file(t, 1), 1), file(t, 1))
		}
		if _, err := b.Start(id); !errors.Is(err, aggregation.ErrState) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	id := b.create("incomplete", job.Strategy{Name: "fedavg"})
	if _, err := b.Announce(t.Context(), id, announcement("late", file(t, 1), 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(id); !errors.Is(err, aggregation.ErrState) || !strings.Contains(err.Error(), "late") {
		t.Errorf("incomplete: %v", err)
	}
}

// TestParts holds fl/aggregation(2): offsets survive, and bytes other than
// announced do not count.
func TestParts(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	id, content := b.create("a", job.Strategy{Name: "fedavg"}), file(t, 1)
	in := announcement("u", content, 1)
	if _, err := b.Append(t.Context(), id, "u", 0, bytes.NewReader(content)); !errors.Is(err, aggregation.ErrNotFound) {
		t.Errorf("a part of nothing announced: %v", err)
	}
	if p, err := b.Announce(t.Context(), id, in); err != nil || p.Offset != 0 || p.Complete {
		t.Fatalf("%+v, %v", p, err)
	}
	broken := io.MultiReader(bytes.NewReader(content[:10]), iotestError{})
	if p, err := b.Append(t.Context(), id, "u", 0, broken); err == nil || p.Offset != 10 {
		t.Errorf("a part that broke off: %+v, %v", p, err)
	}
	b.close()
	b.open()
	if p, err := b.Announce(t.Context(), id, in); err != nil || p.Offset != 10 {
		t.Errorf("announced again: %+v, %v", p, err)
	}
	var wrong *blob.OffsetError
	if _, err := b.Append(t.Context(), id, "u", 9, bytes.NewReader(content)); !errors.As(err, &wrong) || wrong.Have != 10 {
		t.Errorf("another offset: %v", err)
	}
	if _, err := b.Append(t.Context(), id, "u", 10, bytes.NewReader(content)); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("more than announced: %v", err)
	}
	b.now = b.now.Add(time.Second)
	bad := bytes.Clone(content)
	bad[len(bad)-1] ^= 1
	p, err := b.Input(t.Context(), id, "u")
	if err != nil {
		t.Fatal(err)
	}
	if p.Offset < int64(len(content)) {
		_, err = b.Append(t.Context(), id, "u", p.Offset, bytes.NewReader(bad[p.Offset:]))
	}
	if !errors.Is(err, blob.ErrDigest) {
		t.Errorf("other bytes: %v", err)
	}
	b.send(id, in, content)
	if p, err := b.Input(t.Context(), id, "u"); err != nil || !p.Complete || p.Offset != p.Size {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := b.Append(t.Context(), id, "u", p.Size, bytes.NewReader(content)); !errors.As(err, &wrong) {
		t.Errorf("a part of what is whole: %v", err)
	}
	// The same bytes under another name need not be sent again.
	again := announcement("v", content, 2)
	if p, err := b.Announce(t.Context(), id, again); err != nil || !p.Complete {
		t.Errorf("%+v, %v", p, err)
	}
	// Another announcement takes the place, and the other name keeps its bytes.
	b.send(id, announcement("u", file(t, 5), 7), file(t, 5))
	b.close()
	b.open()
	if p, err := b.Input(t.Context(), id, "v"); err != nil || !p.Complete {
		t.Errorf("%+v, %v", p, err)
	}
	if v, err := b.Get(id); err != nil || v.Inputs != 2 || v.Complete != 2 || v.Bytes != 2*in.Size {
		t.Errorf("%+v, %v", v, err)
	}
}

// iotestError is a body that breaks off.
type iotestError struct{}

func (iotestError) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestCreate(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{PerMember: 2, Total: 3})
	spec := aggregation.Spec{Strategy: job.Strategy{Name: "trimmed_mean"}}
	first, created, err := b.Create(t.Context(), alice, []byte("k"), spec)
	if err != nil || !created || first.ID != ledger.Hash(append(alice[:], 'k')) || first.Spec.Strategy.Params["beta"] == 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, created, err := b.Create(t.Context(), alice, []byte("k"), spec); err != nil || created || again.ID != first.ID {
		t.Errorf("again: %+v, %v", again, err)
	}
	if _, _, err := b.Create(t.Context(), alice, []byte("k"), aggregation.Spec{Strategy: job.Strategy{Name: "median"}}); !errors.Is(err, aggregation.ErrKeyReused) {
		t.Errorf("another spec: %v", err)
	}
	var wrong *job.SpecError
	for _, bad := range []aggregation.Spec{
		{},
		{Strategy: job.Strategy{Name: "fedsgd"}},
		{Strategy: job.Strategy{Name: "krum", Params: map[string]float64{"alpha": 1}}},
		{Strategy: job.Strategy{Name: "fltrust"}},
		{Strategy: job.Strategy{Name: "fltrust", Root: "../x"}},
		{Strategy: job.Strategy{Name: "median", Root: "u"}},
		{Strategy: job.Strategy{Name: "fednova"}, Momentum: 1},
		{Strategy: job.Strategy{Name: "fednova"}, Momentum: math.NaN()},
		{Strategy: job.Strategy{Name: "scaffold"}, Momentum: 0.5},
		{Strategy: job.Strategy{Name: "scaffold"}, Cohort: 1 << 20},
	} {
		if _, _, err := b.Create(t.Context(), alice, []byte("bad"), bad); !errors.As(err, &wrong) || len(wrong.Problems) == 0 {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	b.create("l", spec.Strategy)
	if _, _, err := b.Create(t.Context(), alice, []byte("m"), spec); !errors.Is(err, aggregation.ErrLimit) {
		t.Errorf("a third: %v", err)
	}
	for _, key := range []string{"k", "l"} {
		_, _, err = b.Create(t.Context(), bob, []byte(key), spec)
	}
	if !errors.Is(err, aggregation.ErrLimit) {
		t.Errorf("a fourth of all: %v", err)
	}
	own := func(who ledger.ID) func(ledger.ID) bool { return func(id ledger.ID) bool { return id == who } }
	page, more := b.List(ledger.Digest{}, 1, own(alice))
	rest, end := b.List(page[0].ID, 1, own(alice))
	if len(page) != 1 || !more || len(rest) != 1 || end || page[0].ID == rest[0].ID {
		t.Errorf("pages %v %v, %v %v", page, more, rest, end)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	size := int64(len(file(t, 1)))
	b := start(t, aggregation.Limits{Inputs: 3, InputBytes: size, MemberBytes: 4*size + 1, Bytes: 5*size + 1, FreeBytes: 1000, Waiting: 1})
	id, other := b.create("a", job.Strategy{Name: "fedavg"}), b.create("b", job.Strategy{Name: "fedavg"})
	in := announcement("u", file(t, 1), 1)
	var field *aggregation.FieldError
	for name, change := range map[string]func(in *aggregation.Input){
		"name": func(in *aggregation.Input) { in.Name = "../../etc/passwd" }, "dots": func(in *aggregation.Input) { in.Name = ".." },
		"long": func(in *aggregation.Input) { in.Name = strings.Repeat("x", 65) }, "kind": func(in *aggregation.Input) { in.Kind = "other" },
		"large": func(in *aggregation.Input) { in.Size = size + 1 }, "empty": func(in *aggregation.Input) { in.Size = 0 },
		"negative": func(in *aggregation.Input) { in.Size = -1 }, "weight": func(in *aggregation.Input) { in.NumExamples = 1 << 29 },
		"steps": func(in *aggregation.Input) { in.Steps = strategy.MaxSteps + 1 },
		"none":  func(in *aggregation.Input) { in.NumExamples = 0 }, "global": func(in *aggregation.Input) { in.Kind = aggregation.Global },
	} {
		bad := in
		change(&bad)
		if _, err := b.Announce(t.Context(), id, bad); !errors.As(err, &field) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range 4 {
		_, err := b.Announce(t.Context(), id, announcement(fmt.Sprint("u", i), file(t, float32(i)), 1))
		if (i == 3) != errors.Is(err, aggregation.ErrLimit) {
			t.Errorf("input %d: %v", i, err)
		}
	}
	if _, err := b.Announce(t.Context(), other, in); err != nil {
		t.Error(err)
	}
	if _, err := b.Announce(t.Context(), other, announcement("v", file(t, 1), 1)); !errors.Is(err, aggregation.ErrLimit) {
		t.Errorf("more bytes than a member may have: %v", err)
	}
	if err := b.Delete(id); err != nil {
		t.Fatal(err)
	}
	b.free = 1000 + size - 1
	if _, err := b.Announce(t.Context(), other, announcement("v", file(t, 1), 1)); !errors.Is(err, blob.ErrFull) {
		t.Errorf("a disk that would be full: %v", err)
	}
	b.free = 1 << 40
	b.send(other, in, file(t, 1))
	third := b.create("c", job.Strategy{Name: "fedavg"})
	b.send(third, in, file(t, 1))
	if _, err := b.Start(other); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(third); !errors.Is(err, aggregation.ErrLimit) {
		t.Errorf("a second that waits: %v", err)
	}
	if v, err := b.Get(third); err != nil || v.State != aggregation.Open {
		t.Errorf("%+v, %v", v, err)
	}
	b.free = 1000
	b.Step(t.Context())
	if v, err := b.Get(other); err != nil || v.State != aggregation.Failed || !strings.Contains(v.Reason, "disk") || v.Bytes != size {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestExpiryAndDeletion(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{Life: time.Hour})
	old := b.create("old", job.Strategy{Name: "fedavg"})
	b.send(old, announcement("u", file(t, 1), 1), file(t, 1))
	b.now = b.now.Add(30 * time.Minute)
	young := b.create("young", job.Strategy{Name: "fedavg"})
	b.now = b.now.Add(30 * time.Minute)
	if err := b.Expire(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(old); !errors.Is(err, aggregation.ErrNotFound) {
		t.Errorf("an hour untouched: %v", err)
	}
	if v, err := b.Get(young); err != nil || v.Expires != b.now.Add(30*time.Minute).UnixMilli() {
		t.Errorf("half an hour: %+v, %v", v, err)
	}
	b.send(young, announcement("u", file(t, 1), 1), file(t, 1))
	if _, err := b.Start(young); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(2 * time.Hour)
	if err := b.Expire(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Get(young); err != nil {
		t.Errorf("one that waits for its run expired: %v", err)
	}
	if err := b.Delete(young); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(young); !errors.Is(err, aggregation.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	left, err := os.ReadDir(b.config.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("%d entries are left, %v", len(left), err)
	}
	// What was cut short at its beginning or end is cleared.
	if err := os.MkdirAll(filepath.Join(b.config.Dir, young.String(), "files"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.close()
	b.open()
	if left, err := os.ReadDir(b.config.Dir); err != nil || len(left) != 0 {
		t.Errorf("%d entries are left, %v", len(left), err)
	}
	if stats := b.Stats(); stats.Bytes != 0 || stats.States[aggregation.Open] != 0 {
		t.Errorf("%+v", stats)
	}
}

// TestDamage holds that a file which changed on the disk is found, named, and may
// be sent again.
func TestDamage(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	id, content := b.create("a", job.Strategy{Name: "fedavg"}), file(t, 1)
	in := announcement("u", content, 1)
	b.send(id, in, content)
	b.close()
	path := filepath.Join(b.config.Dir, id.String(), "files", in.Digest.String()[:2], in.Digest.String())
	bad := bytes.Clone(content)
	bad[len(bad)-1] ^= 1
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	if v := b.run(id); v.State != aggregation.Failed || !strings.Contains(v.Reason, in.Digest.String()) || v.Complete != 0 {
		t.Fatalf("%+v", v)
	}
	b.send(id, in, content)
	if v := b.run(id); v.State != aggregation.Done {
		t.Errorf("%+v", v)
	}
}

// TestRun holds that Run takes what is started to its end and ends itself.
func TestRun(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{Runs: 2, OwnWaiting: 5})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- b.Run(ctx) }()
	for i := range 5 {
		id := b.create(fmt.Sprint(i), job.Strategy{Name: "median"})
		b.send(id, announcement("u", file(t, 1), 1), file(t, 1))
		if _, err := b.Start(id); err != nil {
			t.Fatal(err)
		}
	}
	for b.Stats().States[aggregation.Done] < 5 {
		if t.Context().Err() != nil {
			t.Fatal("not done in time")
		}
		select {
		case err := <-ran:
			t.Fatalf("it ended: %v", err)
		default:
		}
	}
	stop()
	if err := <-ran; err != nil || b.Stats().Runs != 5 {
		t.Errorf("%+v, %v", b.Stats(), err)
	}
}

// TestRootMissing: nothing comes of fltrust without the update that it trusts, so
// that none is an error which names it.
func TestRootMissing(t *testing.T) {
	t.Parallel()
	b := start(t, aggregation.Limits{})
	id := b.create("a", job.Strategy{Name: "fltrust", Root: "clinic"})
	global := announcement("global", file(t, 1), 0)
	global.Kind = aggregation.Global
	b.send(id, global, file(t, 1))
	b.send(id, announcement("u", file(t, 2), 7), file(t, 2))
	if _, err := b.Start(id); !errors.Is(err, aggregation.ErrState) || !strings.Contains(err.Error(), "clinic") {
		t.Errorf("start without the trusted update: %v", err)
	}
	bad := []byte("no safetensors")
	b.send(id, announcement("clinic", bad, 7), bad)
	if v := b.run(id); v.State != aggregation.Failed || !strings.Contains(v.Reason, "clinic") || !strings.Contains(v.Reason, "format") {
		t.Errorf("the trusted update is no file: %+v", v)
	}
	b.send(id, announcement("clinic", file(t, 3), 7), file(t, 3))
	if v := b.run(id); v.State != aggregation.Done || v.Averaged != 2 {
		t.Errorf("with the trusted update: %+v", v)
	}
}
