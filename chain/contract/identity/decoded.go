package identity

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
)

// Decoded remembers members by the rows that they were decoded from: every
// transaction asks for its sender, and rows of members rarely change. What is
// remembered is compared with the row of the state at hand, so it is never a
// state's in place of another's. It is safe for concurrent use; a nil one
// remembers nothing.
type Decoded struct {
	mu      sync.RWMutex
	limit   int
	members map[ledger.ID]decodedMember
}

type decodedMember struct {
	row    []byte
	member *Member // nobody changes it
}

// NewDecoded returns one that remembers up to so many members, of some 600 bytes
// each.
func NewDecoded(limit int) *Decoded {
	return &Decoded{limit: limit, members: map[ledger.ID]decodedMember{}}
}

// member returns the member of a state. The caller must not change it where it is
// remembered.
func (d *Decoded) member(state contract.State, id ledger.ID) (*Member, error) {
	row, ok, err := state.Get(MemberRow(id))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, contract.Errorf(contract.CodeUnknownSender, "no member %s", id)
	}
	if m := d.find(id, row); m != nil {
		return m, nil
	}
	m := new(Member)
	if err := ledger.Decode("state row", row, contract.MaxWriteBytes, m); err != nil {
		return nil, fmt.Errorf("read member %s: %w", id, err)
	}
	d.put(id, row, m)
	return m, nil
}

func (d *Decoded) find(id ledger.ID, row []byte) *Member {
	if d == nil {
		return nil
	}
	d.mu.RLock()
	known, ok := d.members[id]
	d.mu.RUnlock()
	if !ok || !bytes.Equal(known.row, row) {
		return nil
	}
	return known.member
}

// put makes room by forgetting all: those in use come back at the cost of one
// decoding each, and no order of use has to be kept.
func (d *Decoded) put(id ledger.ID, row []byte, m *Member) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.members) >= d.limit {
		clear(d.members)
	}
	d.members[id] = decodedMember{row: row, member: m}
}
