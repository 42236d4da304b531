package bearer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Token is a bearer token without its secret.
type Token struct {
	ID      ledger.ID // names it in lists and logs
	Member  ledger.ID
	Name    string // by its member, for people
	Created time.Time
	Expiry  time.Time
	// Key signs for the member, as far as the ledger lists it; nil where the
	// token only reads.
	Key *identity.Key
	// Request is the id of the signed request that it was made for, which must
	// not make another one until it expires. Zero for the token of a new network.
	Request       ledger.Digest
	RequestExpiry time.Time
}

// ReadOnly reports whether the token signs nothing.
func (t *Token) ReadOnly() bool { return t.Key == nil }

// Hash is what is kept of a secret.
type Hash [sha256.Size]byte

// HashOf returns the hash of a secret.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// secretPrefix lets scanners for leaked secrets find tokens.
const secretPrefix = "lbr_"

// Secret makes the text of a token from 32 random bytes.
func Secret(random [32]byte) string { return secretPrefix + hex.EncodeToString(random[:]) }

// Draw draws a secret and an id.
func Draw(random io.Reader) (secret string, id ledger.ID, err error) {
	var b [32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", id, fmt.Errorf("draw a token: %w", err)
	}
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return "", id, fmt.Errorf("draw a token: %w", err)
	}
	return Secret(b), id, nil
}
