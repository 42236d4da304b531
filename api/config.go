package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/librum/librum/chain/blob"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
)

// Config is what the interface stands on. All but Now, Random, Logger and
// Limits must be set.
type Config struct {
	Node        *node.Node
	Coordinator Coordinator
	Blobs       blob.Store
	Genesis     []byte // the genesis file
	Delegate    Delegate
	Token       string // bearer token, at least [MinTokenBytes]
	Now         func() time.Time
	Random      io.Reader // nonces and missing idempotency keys
	Logger      *slog.Logger
	Limits      Limits
}

// Delegate signs for the token's member.
type Delegate struct {
	Key    *identity.Key
	Member ledger.ID
}

// MinTokenBytes is the least length of a token: 128 bits in hexadecimal digits.
const MinTokenBytes = 32

// Limits bound what a client may ask. Zero stands for the default.
type Limits struct {
	BodyBytes   int64         // of a submission; 16 MiB
	BatchLength int           // transactions in a submission; 8,192
	UploadBytes int64         // of one upload; 1 GiB
	Uploads     int           // open at once; 256
	UploadLife  time.Duration // how long an upload may lie untouched; 1 h
	Wait        time.Duration // longest wait for execution, quorum, receipts; 30 s
	Poll        time.Duration // longest wait for a task; 60 s
	Waits       int           // event streams and waits for tasks at once; 1,024
	Idle        time.Duration // a transfer that stands still for longer is cut off; 30 s
	Heartbeat   time.Duration // of event streams; 15 s
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.BodyBytes, 16<<20)
	setDefault(&l.BatchLength, 8_192)
	setDefault(&l.UploadBytes, 1<<30)
	setDefault(&l.Uploads, 256)
	setDefault(&l.UploadLife, time.Hour)
	setDefault(&l.Wait, 30*time.Second)
	setDefault(&l.Poll, time.Minute)
	setDefault(&l.Waits, 1_024)
	setDefault(&l.Idle, 30*time.Second)
	setDefault(&l.Heartbeat, 15*time.Second)
	return l
}

func setDefault[T comparable](at *T, value T) {
	var zero T
	if *at == zero {
		*at = value
	}
}

// withDefaults checks the configuration and fills in what is not set.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Node == nil, c.Coordinator == nil, c.Blobs == nil:
		return c, errors.New("open the API: node, coordinator and blobs must be given")
	case ledger.Hash(c.Genesis) != c.Node.Config().Chain:
		return c, errors.New("open the API: the genesis is not the node's")
	case c.Delegate.Key == nil || c.Delegate.Member.IsZero():
		return c, errors.New("open the API: the delegate has no key or no member")
	case len(c.Token) < MinTokenBytes:
		return c, fmt.Errorf("open the API: the token has %d bytes, want at least %d", len(c.Token), MinTokenBytes)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	return c, nil
}
