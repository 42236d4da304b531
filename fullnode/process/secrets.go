package process

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/internal/durable"
)

// Bounds of files.
const (
	maxSecret = 4 << 10
	maxPEM    = 1 << 20
)

// secret reads a password; no file is no password.
func secret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := durable.ReadFile(path, maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return "", fmt.Errorf("read %s: it is empty", path)
	}
	return text, nil
}

// clientTLS returns how to speak TLS to an engine, nil for not at all.
func clientTLS(c *config.TLS) (*tls.Config, error) {
	if !c.Enabled {
		return nil, nil //nolint:nilnil // that is what engines take for none
	}
	t := &tls.Config{MinVersion: tls.VersionTLS13}
	if c.CA != "" {
		b, err := durable.ReadFile(c.CA, maxPEM)
		if err != nil {
			return nil, err
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("read %s: it holds no certificate in PEM", c.CA)
		}
	}
	if c.Certificate != "" {
		pair, err := readPair(c.Certificate, c.Key)
		if err != nil {
			return nil, err
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// readPair reads a certificate and its key from PEM files.
func readPair(certificate, key string) (tls.Certificate, error) {
	certificates, err := durable.ReadFile(certificate, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := durable.ReadFile(key, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(certificates, secret)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read %s and %s: %w", certificate, key, err)
	}
	return pair, nil
}
