package api

import (
	"crypto/tls"
	"net"
)

// GetCertificate returns the certificate for a handshake; it is that of
// [tls.Config].
type GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// TLSListener speaks TLS on the listener's connections, for [Serve]: 1.3 and
// nothing older. It offers HTTP/1.1 alone: with one request at a time on a
// connection, the deadlines of [Serve], which bound each connection, bound each
// request.
func TLSListener(listener net.Listener, certificate GetCertificate) net.Listener {
	return newTLSListener(listener, &tls.Config{
		MinVersion:     tls.VersionTLS13,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: certificate,
	})
}

// tlsListener remembers the connections below TLS, which are those to count.
type tlsListener struct {
	net.Listener
	below  net.Listener
	config *tls.Config
}

func newTLSListener(below net.Listener, config *tls.Config) *tlsListener {
	return &tlsListener{Listener: tls.NewListener(below, config), below: below, config: config}
}

// bounded returns the listener with as many connections as the limits say.
func (s *server) bounded(l net.Listener) net.Listener {
	if t, ok := l.(*tlsListener); ok {
		return newTLSListener(s.connections.Listen(t.below, nil), t.config)
	}
	return s.connections.Listen(l, nil)
}

// IsLoopback reports whether nothing but this machine reaches the address.
// Plain HTTP is for such addresses: a token that crosses a network in the
// clear is anybody's.
func IsLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
