package evidence

import (
	"context"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/verify"
)

// Input is how a file is verified.
type Input struct {
	Genesis ledger.Digest // anchor; zero: none
	Head    ledger.Digest // anchor: a chain hash that must be one of the file's; zero: none
	// MinHeight is an anchor: the file must reach up to there; 0: none.
	MinHeight uint64
	Verify    ledger.VerifyFunc // ZIP-215
	Threads   int               // 0: all
}

// Report is the outcome.
type Report struct {
	Genesis ledger.Digest
	Hash    ledger.Digest // of the last header
	LogTime int64         // its
	Signers int           // of it
	Nodes   int           // of the group that signs it

	Blocks       uint64
	Results      uint64 // of all transactions in these blocks
	Transactions uint64 // of the job
	Signatures   uint64 // that hold
	Accepted     uint64 // of transactions, whose key is not of the genesis: the quorum's word

	Job   verify.Report
	First *verify.Finding // nil where nothing is wrong; of kind "missing" where something is not there
}

// Verify checks a file. The error is nil unless ctx ended or the file could not
// be read.
func (f *File) Verify(ctx context.Context, in Input) (Report, error) {
	w := walk{File: f, in: in}
	err := w.run(ctx)
	found, ok := errors.AsType[*verify.Finding](err)
	switch {
	case ok:
		w.report.First, err = found, nil
	case errors.Is(err, ErrFormat):
		w.report.First, err = &verify.Finding{Kind: "malformed", Where: "file", Message: err.Error()}, nil
	}
	return w.report, err
}

func finding(kind, where, format string, args ...any) error {
	return &verify.Finding{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)}
}

// walk is one verification under way.
type walk struct {
	*File

	in       Input
	report   Report
	groups   *ledger.Groups
	keys     map[ledger.Digest]ledger.PublicKey // of the genesis
	shard    uint32
	state    State
	previous ledger.Digest
	headSeen bool
	created  bool
}

func (w *walk) run(ctx context.Context) error {
	if err := w.begin(); err != nil {
		return err
	}
	if err := w.eachBlock(ctx, w.block); err != nil {
		return err
	}
	if w.report.Signers < ledger.Quorum(w.report.Nodes) {
		return finding("missing", fmt.Sprintf("header %d", w.Last), "signed by %d of %d nodes, a quorum is %d: nothing shows that these blocks are the chain",
			w.report.Signers, w.report.Nodes, ledger.Quorum(w.report.Nodes))
	}
	if !w.in.Head.IsZero() && !w.headSeen {
		return finding("missing", "anchor", "none of the headers %d to %d, which are all that the file has, has the hash %s", w.First, w.Last, w.in.Head)
	}
	if w.Last < w.in.MinHeight {
		return finding("missing", "anchor", "the file ends with block %d, the anchor says at least %d", w.Last, w.in.MinHeight)
	}
	var err error
	w.report.Job, err = verify.Job(ctx, verify.Input{
		State: w.state, Job: w.Job, Files: []verify.Files{w.File}, Withheld: true, Threads: w.in.Threads,
	})
	switch {
	case errors.Is(err, verify.ErrNoJob):
		return finding("job", "file", "none of its transactions made the job")
	case err != nil:
		return err
	case w.report.Job.First != nil:
		return w.report.Job.First
	}
	for _, c := range w.Contents {
		if !w.opened[c.Digest] {
			return finding("content", c.Digest.String(), "the job does not name it")
		}
	}
	return nil
}

// begin reads the genesis and follows the groups.
func (w *walk) begin() error {
	g, chain, err := ledger.ParseGenesis(w.Genesis)
	if err != nil {
		return finding("genesis", "head", "%v", err)
	}
	w.report.Genesis, w.shard = chain, g.Shard
	if want := w.in.Genesis; !want.IsZero() && want != chain {
		return finding("anchor", "genesis", "its digest is %s, the anchor says %s", chain, want)
	}
	w.groups = ledger.NewGroups(chain, g.Shard, g.Group)
	if err := w.groups.Follow(&ledger.GroupTrail{Handovers: w.Handovers}, w.verify); err != nil {
		return finding("groups", "head", "%v", err)
	}
	w.keys = map[ledger.Digest]ledger.PublicKey{}
	for _, n := range g.Group.Nodes {
		w.keys[n.Key.ID()] = n.Key
	}
	for i := range w.Handovers { // of nodes that came later, as proven as the groups
		for _, n := range w.Handovers[i].Next.Nodes {
			w.keys[n.Key.ID()] = n.Key
		}
	}
	for _, m := range g.Members {
		w.keys[m.Key.ID()] = m.Key
	}
	for _, d := range g.Delegates {
		w.keys[d.Key.ID()] = d.Key
	}
	w.state, err = newState(chain, g.Shard)
	return err
}

// verify counts the signatures that hold.
func (w *walk) verify(key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte) bool {
	ok := w.in.Verify(key, message, signature)
	if ok {
		w.report.Signatures++
	}
	return ok
}

func (w *walk) block(height uint64, b *Block) error {
	where := fmt.Sprintf("header %d", height)
	header, err := ledger.ParseHeader(b.Header)
	if err != nil {
		return finding("malformed", where, "%v", err)
	}
	switch {
	case header.Chain != w.report.Genesis || header.Shard != w.shard:
		return finding("header", where, "it is of another chain or shard")
	case header.Height != height:
		return finding("header", where, "it says height %d", header.Height)
	case w.report.Blocks > 0 && header.Previous != w.previous:
		return finding("header", where, "it follows %s, the header before is %s", header.Previous.Short(), w.previous.Short())
	}
	if err := w.signatures(where, &header, b); err != nil {
		return err
	}
	w.previous = ledger.Hash(b.Header)
	w.headSeen = w.headSeen || w.previous == w.in.Head
	w.report.Blocks++
	w.report.Hash, w.report.LogTime = w.previous, header.LogTime
	if ledger.MerkleRoot(b.Results) != header.Results {
		return finding("result", fmt.Sprintf("block %d", height), "its results are not those under the header's root")
	}
	return w.results(&header, b)
}

// signatures wants every signature to hold. A quorum is needed on the last
// header alone: it counts for all before it.
func (w *walk) signatures(where string, header *ledger.Header, b *Block) error {
	group, first, last, err := w.groups.Of(header.Epoch)
	if err != nil {
		return finding("groups", where, "%v", err)
	}
	if header.Height < first || last != 0 && header.Height > last {
		return finding("groups", where, "epoch %d has heights %d to %d", header.Epoch, first, last)
	}
	if len(b.Signatures) > len(group.Nodes) {
		return finding("signature", where, "%d signatures of a group of %d nodes", len(b.Signatures), len(group.Nodes))
	}
	for i := range b.Signatures {
		if b.Signatures[i].Height != header.Height {
			return finding("signature", where, "node %s's says that it is of header %d", b.Signatures[i].Node.Short(), b.Signatures[i].Height)
		}
	}
	w.report.Signers, w.report.Nodes = ledger.CountSigners(b.Header, group, b.Signatures, w.verify), len(group.Nodes)
	if w.report.Signers != len(b.Signatures) {
		return finding("signature", where, "%d of %d signatures hold", w.report.Signers, len(b.Signatures))
	}
	return nil
}

// results goes through all results of a block: those of the job must be there
// with their transactions.
func (w *walk) results(header *ledger.Header, b *Block) error {
	rest := b.Transactions
	for i, leaf := range b.Results {
		where := fmt.Sprintf("block %d, transaction %d", header.Height, i)
		result, err := ledger.ParseResult(leaf)
		if err != nil {
			return finding("malformed", where, "%v", err)
		}
		w.report.Results++
		if len(rest) == 0 || rest[0].Index != uint64(i) {
			if related(&result, w.Job) {
				return finding("omitted", where, "it took effect on the job, and is not in the file")
			}
			continue
		}
		if err := w.transaction(where, header, &result, &rest[0], uint64(len(b.Results))); err != nil {
			return err
		}
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return finding("transaction", fmt.Sprintf("block %d", header.Height), "transaction %d is none of %d, or out of order", rest[0].Index, len(b.Results))
	}
	return nil
}

func (w *walk) transaction(where string, header *ledger.Header, result *ledger.Result, t *Transaction, size uint64) error {
	_, envelope, err := ledger.ParseTransaction(t.Signed)
	if err != nil {
		return finding("malformed", where, "%v", err)
	}
	writes, err := ledger.WritesDigest(t.Writes)
	if err != nil {
		return finding("malformed", where, "%v", err)
	}
	switch {
	case envelope.ID(ledger.KindTransaction) != result.ID:
		return finding("transaction", where, "it is not the one whose result stands there")
	case !ledger.VerifyMerklePath(t.Signed, t.Index, size, t.Path, header.Transactions):
		return finding("transaction", where, "its bytes are not under the header's root")
	case writes != result.Writes:
		return finding("writes", where, "they have digest %s, the result says %s", writes.Short(), result.Writes.Short())
	case !related(result, w.Job) && !touches(t.Writes, w.Job):
		return finding("transaction", where, "it has nothing to do with the job")
	}
	if !w.created {
		if len(result.Events) == 0 || result.Events[0].Type != fl.EventJobCreated {
			return finding("omitted", where, "the file begins with it, and it did not create the job")
		}
		w.created = true
	}
	if key, ok := w.keys[envelope.Key]; !ok {
		w.report.Accepted++
	} else if !w.verify(key, envelope.SigStructure(ledger.KindTransaction), envelope.Signature) {
		return finding("signature", where, "it does not hold")
	}
	w.state.apply(t.Writes)
	w.report.Transactions++
	return nil
}
