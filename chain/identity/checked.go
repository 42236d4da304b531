package identity

import (
	"sync"

	"github.com/librum/librum/chain/ledger"
)

// Checked remembers transactions whose signatures hold, so that what was decoded
// and checked at one place need not be again at the next. It keeps the newest
// ones and is safe for concurrent use; a nil one remembers nothing.
type Checked struct {
	mu          sync.Mutex
	limit       int
	young, aged map[ledger.Digest]checkedSignature // aged is forgotten when young is full
}

// checkedSignature is what was checked; the id it stands under covers the message,
// and with it the transaction.
type checkedSignature struct {
	key         ledger.PublicKey
	signature   [ledger.SignatureSize]byte
	transaction *ledger.Transaction
}

// NewChecked returns one that remembers between limit and twice as many
// signatures, of some 500 bytes each with their transactions.
func NewChecked(limit int) *Checked {
	return &Checked{limit: limit, young: map[ledger.Digest]checkedSignature{}}
}

// Put remembers a signature that was found to hold. The id is the SHA-256 of
// its message, which holds the transaction. Nobody may change that afterwards.
func (c *Checked) Put(id ledger.Digest, s *Signed, t *ledger.Transaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.limit {
		c.young, c.aged = map[ledger.Digest]checkedSignature{}, c.young
	}
	c.young[id] = checkedSignature{s.Key, s.Signature, t}
}

// Has reports whether some signature of the message is remembered.
func (c *Checked) Has(id ledger.Digest) bool { return c.Transaction(id) != nil }

// Transaction returns the one whose message has that SHA-256, nil where no
// signature of it is remembered. Whether one holds is for Take to say.
func (c *Checked) Transaction(id ledger.Digest) *ledger.Transaction {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if young, ok := c.young[id]; ok {
		return young.transaction
	}
	return c.aged[id].transaction
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
	if !ok || found.key != s.Key || found.signature != s.Signature {
		return false
	}
	delete(c.young, id)
	delete(c.aged, id)
	return true
}
