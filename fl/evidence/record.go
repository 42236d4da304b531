package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// Executed is a block that was executed again and found right.
type Executed struct {
	Height       uint64
	Header       []byte
	Signatures   []ledger.HeaderSignature
	Results      []ledger.Result
	Transactions [][]byte         // signed, one for each result
	Writes       [][]ledger.Write // of each transaction
	Final        bool             // a quorum signed it, and so all blocks up to it
	Next         ledger.Group     // that signs the next block
}

// Spool holds the blocks of a file until the file can be written.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// Recorder gathers what a chain says about a job, from the genesis on, one
// block after the other.
type Recorder struct {
	job   ledger.Digest
	spool Spool

	handovers []ledger.Handover
	first     uint64 // 0 before the job was created
	size      int64  // of the spool
	ended     bool   // nothing follows
	final     final
}

// final is what counts: a later block may never become final.
type final struct {
	last  uint64
	epoch uint64
	size  int64 // of the spool
	ended bool
}

// NewRecorder returns a recorder that keeps blocks in the spool.
func NewRecorder(job ledger.Digest, spool Spool) *Recorder { return &Recorder{job: job, spool: spool} }

// Add takes the next block of the chain.
func (r *Recorder) Add(b *Executed) error {
	if r.final.ended {
		return nil
	}
	header, err := ledger.ParseHeader(b.Header)
	if err != nil {
		return err
	}
	if b.Next.Epoch > header.Epoch {
		r.handovers = append(r.handovers, ledger.Handover{Header: b.Header, Signatures: b.Signatures, Next: b.Next})
	}
	if !r.ended {
		if err := r.add(b); err != nil {
			return fmt.Errorf("record block %d: %w", b.Height, err)
		}
	}
	if b.Final && r.first != 0 {
		r.final = final{last: b.Height, epoch: header.Epoch, size: r.size, ended: r.ended}
	}
	return nil
}

func (r *Recorder) add(b *Executed) error {
	out := Block{Header: b.Header, Signatures: b.Signatures, Results: make([][]byte, len(b.Results))}
	for i := range b.Results {
		leaf, err := ledger.Encode(&b.Results[i])
		if err != nil {
			return err
		}
		out.Results[i] = leaf
		if !related(&b.Results[i], r.job) && !touches(b.Writes[i], r.job) {
			continue
		}
		out.Transactions = append(out.Transactions, Transaction{
			Index: uint64(i), Signed: b.Transactions[i], Path: ledger.MerklePath(b.Transactions, i), Writes: b.Writes[i],
		})
		r.ended = r.ended || ends(&b.Results[i], r.job)
	}
	if r.first == 0 && len(out.Transactions) == 0 {
		return nil
	}
	if r.first == 0 {
		r.first = b.Height
	}
	return r.write(&out)
}

// ends reports whether a result says that the job ended.
func ends(result *ledger.Result, job ledger.Digest) bool {
	return related(result, job) && slices.ContainsFunc(result.Events, func(e ledger.Event) bool {
		return e.Type == fl.EventJobFinished || e.Type == fl.EventJobFailed || e.Type == fl.EventJobCancelled
	})
}

func (r *Recorder) write(b *Block) error {
	encoded, err := ledger.Encode(b)
	if err != nil {
		return err
	}
	if len(encoded) > maxBlockBytes {
		return fmt.Errorf("%d bytes, at most %d are allowed", len(encoded), maxBlockBytes)
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(encoded))), encoded...)
	n, err := r.spool.Write(frame)
	r.size += int64(n)
	return err
}

// Found reports whether a final block created the job.
func (r *Recorder) Found() bool { return r.final.last != 0 }

// Write writes the file: what was recorded up to the newest final block, or up
// to the end of the job, and the files that were read.
func (r *Recorder) Write(ctx context.Context, w io.Writer, genesis []byte, reads *Reads) error {
	head := Head{
		Genesis: genesis, Job: r.job, First: r.first, Last: r.final.last, Contents: reads.contents(),
		Handovers: slices.DeleteFunc(r.handovers, func(h ledger.Handover) bool { return h.Next.Epoch > r.final.epoch }),
	}
	encoded, err := ledger.Encode(&head)
	if err != nil {
		return err
	}
	if _, err := ParseHead(encoded); err != nil {
		return err
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	prefix := binary.BigEndian.AppendUint32([]byte(magic), Version)
	prefix = binary.BigEndian.AppendUint32(prefix, uint32(len(encoded)))
	if _, err := out.Write(append(prefix, encoded...)); err != nil {
		return err
	}
	if _, err := io.Copy(out, io.NewSectionReader(r.spool, 0, r.final.size)); err != nil {
		return fmt.Errorf("copy the blocks: %w", err)
	}
	for _, c := range head.Contents {
		if err := reads.Copy(ctx, out, c.Digest); err != nil {
			return fmt.Errorf("copy %s: %w", c.Digest, err)
		}
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// Heights returns the first and the last block of the file.
func (r *Recorder) Heights() (first, last uint64) { return r.first, r.final.last }
