package testnet

import (
	"context"
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/peer"
)

// Forgery is what a hostile peer says and does in place of an honest one.
type Forgery struct {
	File        []byte
	Digest      ledger.Digest // announced; zero: the file's
	NumExamples uint64
	// Receipts changes the receipts before they are sent; nil for as they are.
	Receipts func(receipts [][]byte) [][]byte
	// Repeat sends the submission again, under a new nonce.
	Repeat bool
	// Silent leaves it at that: no upload, no submission.
	Silent bool
}

// Hostile is a participant that forges. What became of it stands in its
// exported fields.
type Hostile struct {
	Tasks     int           // answered
	UploadErr error         // of the newest upload
	Codes     []ledger.Code // of all submissions

	seat       Seat
	forge      func(task *fl.RoundOpened, model []byte) Forgery
	registered bool
	done       map[string]bool // attempts dealt with
}

// NewHostile returns a hostile participant: forge is handed what the round
// asks and the model that it begins with.
func NewHostile(seat Seat, forge func(task *fl.RoundOpened, model []byte) Forgery) *Hostile {
	return &Hostile{seat: seat, forge: forge, done: map[string]bool{}}
}

// Step implements [Participant].
func (h *Hostile) Step(ctx context.Context) error {
	if !h.registered {
		if _, err := h.call(ctx, fl.MethodRegisterPeer, &fl.RegisterPeer{Available: true}); err != nil {
			return err
		}
		h.registered = true
	}
	task, err := h.seat.Server.Task(ctx, h.seat.ID)
	if err != nil || task == nil {
		return err
	}
	opened, err := peer.CheckTask(task, h.seat.ID, h.seat.groups())
	if err != nil {
		return err
	}
	if attempt := fmt.Sprint(opened.Round, opened.Attempt); !h.done[attempt] {
		h.done[attempt] = true
		h.Tasks++
		return h.answer(ctx, task, opened)
	}
	return nil
}

func (h *Hostile) answer(ctx context.Context, task *peer.Task, opened *fl.RoundOpened) error {
	model, err := h.model(ctx, opened.Model)
	if err != nil {
		return err
	}
	f := h.forge(opened, model)
	if f.Silent {
		return nil
	}
	if f.Digest.IsZero() {
		f.Digest = ledger.Hash(f.File)
	}
	receipts, err := h.seat.Server.Upload(ctx, h.seat.ID, task, f.File, f.Digest)
	h.UploadErr = err
	if f.Receipts != nil {
		receipts = f.Receipts(receipts)
	}
	for range 2 {
		code, err := h.call(ctx, fl.MethodSubmitUpdate, &fl.SubmitUpdate{
			Job: task.Job, Round: task.Round, Attempt: task.Attempt, Digest: f.Digest, Size: uint64(len(f.File)), NumExamples: f.NumExamples,
			Metrics: fl.Metrics{"loss": 0, "accuracy": 1}, Receipts: receipts,
		})
		if err != nil {
			return err
		}
		h.Codes = append(h.Codes, code)
		if !f.Repeat {
			return nil
		}
	}
	return nil
}

func (h *Hostile) model(ctx context.Context, digest ledger.Digest) (_ []byte, err error) {
	body, err := h.seat.Server.Model(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // it was only read
	return io.ReadAll(body)
}

func (h *Hostile) call(ctx context.Context, method string, args any) (ledger.Code, error) {
	signed, err := h.seat.Sign(method, args)
	if err != nil {
		return "", err
	}
	code, _, err := h.seat.Server.Submit(ctx, signed)
	return code, err
}
