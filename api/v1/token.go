package v1

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/librum/librum/chain/ledger"
)

// TokenRequest asks a node for a bearer token. It is signed by a member's own
// key in an envelope of kind [ledger.KindTokenRequest] and counts once, at the
// node that it names.
type TokenRequest struct {
	Version uint64        `cbor:"version"` // [ledger.Version]
	Chain   ledger.Digest `cbor:"chain"`
	Node    ledger.ID     `cbor:"node"`
	// Channel is the [Channel] that the request goes over, so that who gets it can't
	// pass it on to another node.
	Channel ledger.Digest `cbor:"channel"`
	Name    string        `cbor:"name"` // for people, up to [MaxTokenName] bytes
	// Signs asks for a delegate key of the node's own. The token works once the
	// ledger lists that key as the member's delegate at this node, with the methods
	// that stand there. Without it the token works at once and only reads.
	Signs  bool     `cbor:"signs"`
	Life   uint64   `cbor:"life"`   // of the token, seconds, 1 to [MaxTokenLife]
	Expiry int64    `cbor:"expiry"` // of the request, ms since 1970, at most [MaxRequestLife] ahead
	Nonce  [16]byte `cbor:"nonce"`
}

// The bounds of requests and tokens.
const (
	MaxTokenName         = 64
	MaxTokenLife         = 366 * 24 * time.Hour
	MaxRequestLife       = 5 * time.Minute
	MaxTokenRequestBytes = 1 << 10
)

// Channel returns what tells a connection's TLS session from all others: the
// binding "tls-exporter" (RFC 9266), which both ends compute and neither
// chooses. It is zero where there is no TLS.
func Channel(state *tls.ConnectionState) (c ledger.Digest, err error) {
	if state == nil {
		return c, nil
	}
	b, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, len(c))
	if err != nil {
		return c, fmt.Errorf("bind to the TLS session: %w", err)
	}
	return ledger.Digest(b), nil
}

// Encode returns the signed request.
func (r *TokenRequest) Encode(key ledger.Digest, sign ledger.SignFunc) ([]byte, error) {
	payload, err := ledger.Encode(r)
	if err != nil {
		return nil, err
	}
	e := ledger.Seal(ledger.KindTokenRequest, key, sign, payload)
	return e.Bytes(), nil
}

// ParseTokenRequest reads a request with its envelope, whose signature is not
// checked here.
func ParseTokenRequest(b []byte) (TokenRequest, ledger.Envelope, error) {
	var r TokenRequest
	e, err := ledger.ParseEnvelope("token request", b, MaxTokenRequestBytes)
	if err != nil {
		return r, e, err
	}
	return r, e, ledger.Decode("token request", e.Payload, MaxTokenRequestBytes, &r)
}

// BearerToken is a token as its member sees it.
type BearerToken struct {
	ID      ledger.ID `json:"id"`
	Member  ledger.ID `json:"member"`
	Name    string    `json:"name,omitempty"`
	Node    ledger.ID `json:"node" doc:"The node that knows it; it opens no other."`
	Created time.Time `json:"created"`
	Expiry  time.Time `json:"expiry"`
	Key     []byte    `json:"key,omitempty" doc:"Ed25519 public key of the node's own with which it signs for the member; missing where the token only reads."`
	KeyID   string    `json:"key_id,omitempty" doc:"SHA-256 of the key."`
	Proof   []byte    `json:"proof,omitempty" doc:"The key's signature that it is to be the member's, for identity.addDelegate; shown to the member alone."`
	Methods []string  `json:"methods,omitempty" doc:"What the ledger lets the key sign; missing while it lists none."`
	Current bool      `json:"current,omitempty" doc:"The token of this request."`
}

// NewBearerToken is a token with its secret, which is told once.
type NewBearerToken struct {
	BearerToken

	Secret string `json:"secret" doc:"Send it as Authorization: Bearer SECRET. It is told once."`
}

// BearerTokens is a member's tokens at a node, or all where the caller may see
// them.
type BearerTokens struct {
	Tokens []BearerToken `json:"tokens"`
}
