package client

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// bound returns the HTTP request with a body that is signed once its connection
// is known: it names that connection's TLS session, so that the server can't use
// it at another node. On plain HTTP there is nothing to name.
func bound(r *http.Request, key *identity.Key, wanted *v1.TokenRequest) (*http.Request, error) {
	unsigned, err := wanted.Encode(key.ID(), func([]byte) (s [ledger.SignatureSize]byte) { return s })
	if err != nil {
		return nil, err
	}
	c := &channel{}
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: c.got}))
	r.ContentLength = int64(len(unsigned)) // a channel is as long as another
	r.GetBody = func() (io.ReadCloser, error) {
		return io.NopCloser(&signedLate{sign: func() ([]byte, error) {
			var err error
			one := *wanted
			if one.Channel, err = c.binding(); err != nil {
				return nil, err
			}
			return one.Encode(key.ID(), key.Sign)
		}}), nil
	}
	r.Body, err = r.GetBody()
	return r, err
}

// channel is the connection that a request was given last.
type channel struct {
	mu   sync.Mutex
	conn *tls.Conn // nil on plain HTTP
}

func (c *channel) got(info httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn, _ = info.Conn.(*tls.Conn)
}

func (c *channel) binding() (ledger.Digest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return v1.Channel(nil)
	}
	state := c.conn.ConnectionState()
	return v1.Channel(&state)
}

// signedLate is a body that is made when its first byte is read.
type signedLate struct {
	sign func() ([]byte, error)
	rest *bytes.Reader
}

// Read implements [io.Reader].
func (s *signedLate) Read(p []byte) (int, error) {
	if s.rest == nil {
		b, err := s.sign()
		if err != nil {
			return 0, err
		}
		s.rest = bytes.NewReader(b)
	}
	return s.rest.Read(p)
}
