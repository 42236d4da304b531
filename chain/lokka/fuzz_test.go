package lokka_test

import (
	"testing"

	"github.com/librum/librum/chain/ledger"
)

// FuzzReceive hands arbitrary signatures and answers to a node that has two
// blocks. Whatever comes, nothing is final without a quorum of valid
// signatures, what is to be kept is valid, and evidence holds.
func FuzzReceive(f *testing.F) {
	blank := newSim(f, 4, ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20}, 200)
	blank.quiet = true
	for range 2 {
		blank.record([]string{"tx", "1"})
	}
	liar := blank.nodes[1]
	liar.read()
	for _, b := range liar.blocks {
		own, err := ledger.Encode(b.signatures)
		blank.must(err)
		f.Add(b.header, own)
	}
	f.Add([]byte{}, []byte{0x80})
	f.Add([]byte("not a header"), []byte("not signatures"))
	header := append([]byte(nil), liar.blocks[0].header...)
	header[len(header)-1] ^= 1 // another group: a header of its own
	forged, err := ledger.Encode([]ledger.HeaderSignature{
		liar.signHeader(1, header), liar.signHeader(2, header), liar.signHeader(300, header),
		blank.nodes[2].signHeader(1, header), blank.nodes[3].signHeader(1, header),
	})
	blank.must(err)
	f.Add(header, forged)

	f.Fuzz(func(t *testing.T, header, encoded []byte) {
		var signatures []ledger.HeaderSignature
		if err := ledger.Decode("signatures", encoded, 1<<16, &signatures); err != nil {
			signatures = nil
		}
		s := newSim(t, 4, ledger.Limits{BlockTransactions: 1, BlockBytes: 1 << 20}, 200)
		s.quiet, s.log = true, blank.log
		n := s.nodes[0]
		n.read()
		n.machine.ReceiveAnswer(header, signatures)
		for {
			r := n.machine.Ready()
			if r.Empty() {
				break
			}
			for _, k := range r.Keep {
				if ledger.CountSigners(n.blocks[k.Height-1].header, &s.group, []ledger.HeaderSignature{k}, verify) != 1 {
					t.Fatalf("keeps %+v, which is not valid", k)
				}
			}
			if r.Final != 0 && ledger.CountSigners(r.FinalHeader, &s.group, r.FinalSignatures, verify) < 3 {
				t.Fatalf("calls %d final with %+v", r.Final, r.FinalSignatures)
			}
			if d := r.Divergence; d != nil && ledger.CountSigners(d.Quorum, &s.group, d.Signatures, verify) < 3 {
				t.Fatalf("calls %+v a quorum", d)
			}
			for _, e := range r.Equivocations {
				for i := range e.Headers {
					if ledger.CountSigners(e.Headers[i], &s.group, e.Signatures[i:i+1], verify) != 1 {
						t.Fatalf("calls %+v evidence", e)
					}
				}
			}
		}
	})
}
