package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
	"github.com/librum/librum/chain/store"
)

// Input is what is verified and what it is verified with.
type Input struct {
	// Source is where the chain is read from; nil: the Store. Its errors other
	// than [store.ErrNotFound] end the verification without a verdict.
	Source Source
	// Store is what a node keeps, read only: all its rows are compared with what
	// execution gives. Nil where only blocks and signatures can be had.
	Store     store.Store
	Genesis   []byte // the genesis file
	Contracts contract.Rules
	Verify    ledger.VerifyFunc // ZIP-215
	Anchors   Anchors
	// Observe is given each block that was found right; nil for none. Its error
	// ends the verification.
	Observe func(*Seen) error
	// MaxOpen bounds how many blocks without a quorum are followed, which a source
	// elsewhere may invent without end; zero for no bound.
	MaxOpen uint64
	// Progress is called after each block; nil for none.
	Progress func(height, stored uint64)
}

// Chain verifies a stored chain. The state is that after the newest final
// block, [Report.Height], and holds only as far as the verdict is right: blocks
// above are executed and compared, but nobody needs to believe them. The error
// is nil unless ctx ended or the verifier itself could not go on.
func Chain(ctx context.Context, in Input) (Report, *State, error) {
	if in.Source == nil {
		in.Source = stored{in.Store}
	}
	w := walk{in: in, state: newState(), expected: newExpected()}
	defer func() { w.state.rollback() }() // the state may be another by then
	w.report.Anchored = in.Anchors.Any()
	err := w.run(ctx)
	var found *Finding
	switch {
	case err == nil:
		w.report.Verdict = Right
	case errors.As(err, &found):
		w.report.Verdict, w.report.First = Wrong, found
		if found.Kind == "missing" {
			w.report.Verdict = Incomplete
		}
	default:
		return w.report, w.state, err
	}
	return w.report, w.state, nil
}

// walk is one verification under way.
type walk struct {
	in       Input
	report   Report
	genesis  *ledger.Genesis
	state    *State
	executor *aplos.Executor
	group    *lokka.Machine
	signers  ledger.Group // of the block under way
	// held is set once the end of an epoch lacks the quorum of its own group: what
	// follows is signed by nobody whom the genesis leads to.
	held bool
	// suspended are the nodes whose signatures don't count for the block under way.
	suspended []governance.Suspension
	previous  ledger.Digest
	next      uint64             // offset of the next record
	last      ledger.BlockRecord // the record before it
	headSeen  bool
	// commitment is the sum of the state after the newest block.
	commitment []byte
	writes     []ledger.Write // of that block, or of genesis
	expected   expected
	seen       *Seen // of the block under way; nil where nobody observes
}

func (w *walk) run(ctx context.Context) error {
	if err := w.begin(); err != nil {
		return err
	}
	height, ok, err := w.in.Source.Height(ctx)
	switch {
	case err != nil:
		return w.unread("store", err)
	case !ok:
		return finding("missing", "store", "no genesis state is stored")
	}
	w.report.Stored = height
	if err := w.base(ctx); err != nil {
		return err
	}
	if err := w.history(ctx, w.report.Floor); err != nil {
		return err
	}
	for h := w.report.Floor + 1; h <= height; h++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := w.block(ctx, h); err != nil {
			return err
		}
		if open := h - w.report.Height; w.in.MaxOpen != 0 && open >= w.in.MaxOpen && h < height {
			return finding("missing", fmt.Sprintf("header %d", w.report.Height+1),
				"%d blocks from here on have no quorum; what the source gives is not followed further", open)
		}
		if w.in.Progress != nil {
			w.in.Progress(h, height)
		}
	}
	if err := w.kept(ctx, height); err != nil {
		return err
	}
	return w.anchors()
}

// begin reads the genesis and executes it.
func (w *walk) begin() error {
	g, digest, err := ledger.ParseGenesis(w.in.Genesis)
	if err != nil {
		return finding("genesis", "genesis.cbor", "%v", err)
	}
	w.genesis, w.report.Genesis, w.previous, w.signers = g, digest, digest, g.Group
	if want := w.in.Anchors.Genesis; !want.IsZero() && want != digest {
		return finding("anchor", "genesis.cbor", "its digest is %s, the anchor says %s", digest, want)
	}
	sealed, err := aplos.Genesis(w.in.Contracts, g)
	if err != nil {
		return finding("genesis", "genesis.cbor", "%v", err)
	}
	w.state.apply(sealed.Writes)
	w.state.settle() // who believes the genesis file believes this
	w.writes = sealed.Writes
	config := aplos.Config{Chain: digest, Shard: g.Shard, Contracts: w.in.Contracts, Verify: w.verify}
	if w.executor, err = aplos.New(config, w.state, 0, sealed.Commitment); err != nil {
		return err
	}
	w.group = lokka.New(lokka.Config{
		Chain: digest, Shard: g.Shard, Group: g.Group, Limits: w.executor.Limits(),
		Previous: digest, LogTime: g.Time, Verify: w.verify,
		Diverged: true, // signatures are counted here, so it must not wait for any
	})
	w.commitment = sealed.Commitment
	return nil
}

// verify counts the signatures that are checked.
func (w *walk) verify(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	w.report.Checked.Signatures++
	return w.in.Verify(key, message, signature)
}

// block executes the records of a stored block again and compares.
func (w *walk) block(ctx context.Context, height uint64) error {
	where := fmt.Sprintf("block %d", height)
	raw, signatures, err := w.in.Source.Block(ctx, height)
	if errors.Is(err, store.ErrNotFound) {
		return finding("missing", where, "the block is not stored")
	}
	if err != nil {
		return w.unread(where, err)
	}
	block, err := ledger.ParseBlock(raw)
	if err != nil {
		return finding("malformed", where, "%v", err)
	}
	header, err := block.Header.Bytes()
	if err != nil {
		return err
	}
	if block.Header.Height != height || block.Header.Previous != w.previous {
		return finding("header", where, "height %d after %s, want height %d after %s",
			block.Header.Height, block.Header.Previous.Short(), height, w.previous.Short())
	}
	if w.suspended, err = governance.Suspensions(w.state); err != nil {
		return err
	}
	w.signers = w.executor.Group()
	if w.in.Observe != nil {
		w.seen = &Seen{Height: height, Header: header, Signatures: signatures, Results: block.Results}
	}
	recomputed, err := w.execute(ctx, where, &block)
	if err != nil {
		return err
	}
	if err := compareHeaders(where, &block.Header, recomputed); err != nil {
		return err
	}
	if err := w.history(ctx, height); err != nil {
		return err
	}
	w.previous = ledger.Hash(header)
	if err := w.delegated(&block); err != nil {
		return err
	}
	if err := w.beside(ctx, height); err != nil {
		return err
	}
	w.report.Checked.Blocks++
	w.report.Checked.Transactions += uint64(len(block.Results))
	w.headSeen = w.headSeen || w.previous == w.in.Anchors.Head
	if err := w.signatures(height, header, &block.Header, signatures); err != nil || w.seen == nil {
		return err
	}
	w.seen.Final = w.report.Height == height
	w.seen.Next = w.executor.Group()
	return w.in.Observe(w.seen)
}

// execute runs the block's records through execution and grouping and returns
// the header that they give.
func (w *walk) execute(ctx context.Context, where string, block *ledger.Block) (*ledger.Header, error) {
	done := 0
	for i := range block.Records {
		offset := block.Header.First.Offset + uint64(i)
		executed, err := w.record(offset, &block.Records[i])
		if err != nil {
			return nil, err
		}
		if executed.Skipped != nil && len(block.Records[i].Envelope) != 0 {
			return nil, finding("record", fmt.Sprintf("%s, record %d", where, offset), "kept whole, but %s", executed.Reason)
		}
		for j := range executed.Results {
			at := fmt.Sprintf("%s, transaction %d", where, done)
			if done >= len(block.Results) {
				return nil, finding("result", at, "no result is stored")
			}
			if err := compareResults(at, &block.Results[done], &executed.Results[j]); err != nil {
				return nil, err
			}
			if executed.Burnt[j] {
				if err := w.place(ctx, at, block.Header.Height, done, executed.Results[j].ID); err != nil {
					return nil, err
				}
			}
			done++
		}
		w.seen.add(&executed)
		cut, err := w.group.Add(lokka.Record{
			Offset: offset, Envelope: executed.Envelope, Skipped: executed.Skipped, Kind: executed.Record.Kind,
			Marker: executed.Record.Height, LogTime: executed.LogTime,
			Transactions: executed.Record.Transactions, Results: executed.Results,
		})
		if err != nil {
			return nil, finding("record", fmt.Sprintf("%s, record %d", where, offset), "%v", err)
		}
		if last := i == len(block.Records)-1; cut != last {
			return nil, finding("cut", where, "by its records it ends with number %d of %d: %t", i+1, len(block.Records), cut)
		}
	}
	if done != len(block.Results) {
		return nil, finding("result", where, "%d results for %d transactions", len(block.Results), done)
	}
	return w.seal()
}

// record executes a record; a skipped one is only its digest, and did nothing.
func (w *walk) record(offset uint64, r *ledger.BlockRecord) (aplos.Executed, error) {
	if offset != w.next {
		return aplos.Executed{}, finding("record", fmt.Sprintf("record %d", offset), "want record %d: the log has no gaps", w.next)
	}
	w.next++
	w.last = *r
	if len(r.Envelope) == 0 {
		digest := ledger.Digest(r.Skipped)
		return aplos.Executed{Offset: offset, Skipped: &digest, LogTime: w.executor.Clock().Now}, nil
	}
	return w.executor.Execute(offset, r.Envelope)
}

func (w *walk) seal() (*ledger.Header, error) {
	sealed, err := w.executor.Seal()
	if err != nil {
		return nil, err
	}
	w.state.apply(sealed.Writes)
	w.commitment = sealed.Commitment
	w.writes = sealed.Writes
	w.executor.Applied(sealed.Height)
	block, _, err := w.group.Cut(sealed.State, sealed.Group)
	if err != nil {
		return nil, err
	}
	if err := w.group.SetLimits(w.executor.Limits()); err != nil {
		return nil, err
	}
	if group := w.executor.Group(); group.Epoch != w.signers.Epoch {
		if err := w.group.SetGroup(group); err != nil {
			return nil, err
		}
	}
	return &block.Header, w.group.Applied(sealed.Height)
}

// signatures counts a header as final where a quorum signed it.
func (w *walk) signatures(height uint64, raw []byte, header *ledger.Header, signatures []ledger.HeaderSignature) error {
	where := fmt.Sprintf("header %d", height)
	for _, s := range signatures {
		if s.Height != height {
			return finding("signature", where, "node %s's says that it is of header %d", s.Node.Short(), s.Height)
		}
		if s.Header != w.previous {
			return finding("signature", where, "node %s signed header %s, the block has %s: evidence of two histories",
				s.Node.Short(), s.Header.Short(), w.previous.Short())
		}
	}
	valid := ledger.CountSigners(raw, &w.signers, signatures, w.verify)
	if valid != len(signatures) {
		return finding("signature", where, "%d of %d signatures hold", valid, len(signatures))
	}
	w.expected.signatures += uint64(valid)
	for _, s := range signatures {
		if slices.ContainsFunc(w.suspended, func(n governance.Suspension) bool { return n.Node == s.Node }) {
			valid-- // it counts in n alone
		}
	}
	final := valid >= w.signers.Quorum()
	w.held = w.held || !final && w.executor.Group().Epoch != w.signers.Epoch
	if final && !w.held {
		w.state.settle()
		w.report.Height, w.report.Head, w.report.LogTime = height, w.previous, header.LogTime
	}
	return nil
}

// anchors comes last, and the lack of a quorum behind all that is wrong.
func (w *walk) anchors() error {
	a := w.in.Anchors
	if !a.Head.IsZero() && !w.headSeen && w.report.Floor > 0 {
		return finding("missing", "head", "no block from %d on has the hash %s; what lies below is not kept here", w.report.Floor, a.Head)
	}
	if !a.Head.IsZero() && !w.headSeen {
		return finding("anchor", "head", "no block has the hash %s: the chain was rewritten or cut short", a.Head)
	}
	if w.report.Height < a.MinHeight {
		return finding("anchor", "height", "final up to %d, the anchor says at least %d", w.report.Height, a.MinHeight)
	}
	if w.report.Stored > 0 && w.report.Height == 0 {
		return finding("missing", "signatures", "no header has a quorum: nothing shows that these blocks are the chain")
	}
	return nil
}
