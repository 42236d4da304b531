package identity

import (
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// Checked remembers signatures that hold, so that what was checked at one place
// need not be checked again at the next. It keeps the newest ones and is safe
// for concurrent use; a nil one remembers nothing.
type Checked struct {
	mu          sync.Mutex
	limit       int
	young, aged map[ledger.Digest]checkedSignature // aged is forgotten when young is full
}

// checkedSignature is what was checked; the id it stands under covers the message.
type checkedSignature struct {
	key       ledger.PublicKey
	signature [ledger.SignatureSize]byte
}

// NewChecked returns one that remembers between limit and twice as many
// signatures, of some 150 bytes each.
func NewChecked(limit int) *Checked {
	return &Checked{limit: limit, young: map[ledger.Digest]checkedSignature{}}
}

// Put remembers a signature that was found to hold. The id is the SHA-256 of
// its message.
func (c *Checked) Put(id ledger.Digest, s *Signed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.limit {
		c.young, c.aged = map[ledger.Digest]checkedSignature{}, c.young
	}
	c.young[id] = checkedSignature{s.Key, s.Signature}
}

// Has reports whether some signature of the message is remembered.
func (c *Checked) Has(id ledger.Digest) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, young := c.young[id]
	_, aged := c.aged[id]
	return young || aged
}

// Take reports whether just this signature, by just this key, is remembered,
// and forgets it. Another one over the same message leaves it there.
func (c *Checked) Take(id ledger.Digest, s *Signed) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.young[id]
	if !ok {
		found, ok = c.aged[id]
	}
	if !ok || found != (checkedSignature{s.Key, s.Signature}) {
		return false
	}
	delete(c.young, id)
	delete(c.aged, id)
	return true
}
