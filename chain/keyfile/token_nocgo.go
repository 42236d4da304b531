//go:build !cgo

package keyfile

import (
	"fmt"

	"github.com/librum/librum/chain/identity"
)

func openToken(uri string, _ Ask) (*identity.Key, error) {
	if _, err := parseURI(uri); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%w: this binary was built without cgo and can't speak to a token; build one that can with make build-pkcs11", ErrLocked)
}
