package auditlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/librum/librum/chain/ledger"
)

// Head is where a log ends. Kept elsewhere, it shows later that nothing was cut
// off.
type Head struct {
	Lines  uint64        `json:"lines"`
	Digest ledger.Digest `json:"digest"` // SHA-256 of the last line; the chain's id where there is none
	Bytes  int64         `json:"bytes"`  // of the whole lines
}

// ErrDamaged tells that a log is not as a node wrote it.
var ErrDamaged = errors.New("damaged audit log")

// Check reads a log from its beginning, see [Read], and returns where it ends, or
// names the first line that does not follow the one before. Bytes behind the last
// end of a line are not counted, nor are zeros at the end: some file systems
// leave them where the power went before what was written (ext4 and XFS extend a
// file before its data).
func Check(r io.Reader, chain ledger.Digest) (Head, error) { return follow(r, Head{Digest: chain}) }

// follow is Check from where the lines before ended.
func follow(r io.Reader, head Head) (Head, error) {
	lines := bufio.NewReaderSize(r, maxLine)
	for {
		b, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return head, nil
		}
		if errors.Is(err, bufio.ErrBufferFull) && b[len(b)-1] == 0 {
			if zeros, err := onlyZeros(lines); zeros || err != nil {
				return head, err
			}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			return head, fmt.Errorf("%w: line %d is longer than %d bytes", ErrDamaged, head.Lines+1, maxLine)
		}
		if err != nil {
			return head, err
		}
		text := b[:len(b)-1]
		if err := follows(text, head); err != nil {
			return head, fmt.Errorf("%w: line %d: %w", ErrDamaged, head.Lines+1, err)
		}
		head = Head{Lines: head.Lines + 1, Digest: ledger.Hash(text), Bytes: head.Bytes + int64(len(b))}
	}
}

// onlyZeros reports whether nothing else follows.
func onlyZeros(r *bufio.Reader) (bool, error) {
	for {
		b, err := r.ReadByte()
		if errors.Is(err, io.EOF) {
			return true, nil
		}
		if err != nil || b != 0 {
			return false, err
		}
	}
}

// follows reports what is wrong with a line behind the head.
func follows(text []byte, head Head) error {
	var l line
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return fmt.Errorf("not a line of this log: %w", err)
	}
	switch {
	case l.N != head.Lines+1:
		return fmt.Errorf("it says it is line %d", l.N)
	case l.Previous != head.Digest:
		return fmt.Errorf("it follows a line with digest %s, the one before has %s", l.Previous.Short(), head.Digest.Short())
	}
	return nil
}

// Holds reports whether a head that was kept elsewhere is in the log: the log
// must have at least its lines, and the same digest there.
func Holds(r io.Reader, chain ledger.Digest, kept Head) error {
	upTo, err := Check(io.LimitReader(r, kept.Bytes), chain)
	if err != nil {
		return err
	}
	if upTo.Lines != kept.Lines || upTo.Digest != kept.Digest {
		return fmt.Errorf("%w: it does not hold line %d with digest %s", ErrDamaged, kept.Lines, kept.Digest)
	}
	return nil
}
