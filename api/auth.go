package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// tokenHash is a bearer token as the server keeps it.
type tokenHash [sha256.Size]byte

func hashToken(secret string) tokenHash { return sha256.Sum256([]byte(secret)) }

// allows reports whether the request carries the token. Hashes are compared,
// so that the time taken tells nothing about the token, its length included.
func (t tokenHash) allows(r *http.Request) bool {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	given := hashToken(secret)
	return subtle.ConstantTimeCompare(given[:], t[:]) == 1
}

// isPublic reports whether a path needs no token.
func isPublic(path string) bool {
	return path == pathHealth || path == pathReady || path == pathOpenAPI
}

func unauthorized() *failure {
	return fail("unauthorized", "send the header Authorization: Bearer TOKEN").with("WWW-Authenticate", `Bearer realm="librum"`)
}
