package localnet

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// Secrets derives everything that is random in a network from one seed, so
// that a run can be repeated. Whoever knows the seed has all keys.
type Secrets struct{ seed [32]byte }

// SecretsFromSeed returns the secrets of a small number, for demonstrations.
func SecretsFromSeed(seed uint64) Secrets {
	return Secrets{seed: sha256.Sum256(binary.BigEndian.AppendUint64([]byte("librum localnet seed "), seed))}
}

// SecretsFrom returns the secrets of 32 random bytes.
func SecretsFrom(seed [32]byte) Secrets { return Secrets{seed: seed} }

func (s Secrets) derive(purpose, kind string, index int) [32]byte {
	h := sha256.New()
	_, _ = h.Write(s.seed[:]) // a hash never fails to write
	_, _ = fmt.Fprintf(h, "%s %s %d", purpose, kind, index)
	return [32]byte(h.Sum(nil))
}

// Key returns the key of the index-th of its kind.
func (s Secrets) Key(kind string, index int) *identity.Key {
	return identity.KeyFromSeed(s.derive("key", kind, index))
}

// ID returns the id of the index-th of its kind.
func (s Secrets) ID(kind string, index int) ledger.ID {
	d := s.derive("id", kind, index)
	return ledger.ID(d[:16])
}

// Bytes returns 32 derived bytes for anything else.
func (s Secrets) Bytes(kind string, index int) [32]byte { return s.derive("bytes", kind, index) }

// The kinds of derived keys and ids.
const (
	KindOrganisation = "organisation"
	KindNode         = "node"
	KindMember       = "member"   // the data scientist
	KindDelegate     = "delegate" // of the data scientist at node 0
	KindPeer         = "peer"
	KindAccount      = "account" // benchmarks
	KindOfficer      = "officer" // approves the members of its organisation
	KindPurpose      = "purpose" // the native token's first holders
)
