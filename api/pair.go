package api

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// maxCertBytes bounds a file of certificates or of one key.
const maxCertBytes = 1 << 20

// LoadPair reads a certificate and its key. A key of Librum's kind may be
// encrypted or on a token; one of another kind, as public authorities certify
// it, is read as it is.
func LoadPair(certPath, keyPath string, ask keyfile.Ask) (*tls.Certificate, error) {
	chain, err := durable.ReadFile(certPath, maxCertBytes)
	if err != nil {
		return nil, err
	}
	key, err := keyfile.Load(keyPath, ask)
	if errors.Is(err, identity.ErrKey) {
		other, err := durable.ReadFile(keyPath, maxCertBytes)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(chain, other)
		return &pair, err
	}
	if err != nil {
		return nil, err
	}
	pair := &tls.Certificate{PrivateKey: key.Signer()}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			pair.Certificate = append(pair.Certificate, block.Bytes)
		}
	}
	if len(pair.Certificate) == 0 {
		return nil, fmt.Errorf("%s holds no certificate in PEM", certPath)
	}
	if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
		return nil, fmt.Errorf("read %s: %w", certPath, err)
	}
	public, ok := pair.Leaf.PublicKey.(ed25519.PublicKey)
	if !ok || ledger.PublicKey(public) != key.Public() {
		return nil, fmt.Errorf("the key of %s is not that of the certificate in %s", keyPath, certPath)
	}
	return pair, nil
}
