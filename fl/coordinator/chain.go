package coordinator

import (
	"errors"
	"fmt"
	"sync"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/fl/round"
)

// chains are the hash chains of this node. Their secrets follow from its keys and
// stand nowhere: a signature by Ed25519 is a function of key and message (RFC 8032
// §5.1.6), and no other kind of message can be signed to get it. So a node that
// restarts goes on in its chain, and one that has changed its key still knows the
// chain before.
type chains struct {
	chain ledger.Digest
	node  ledger.ID
	keys  []*identity.Key // the one in force first

	mu      sync.Mutex
	secrets map[secret]ledger.Digest
	anchors map[secret]ledger.Digest
}

// secret names that of a chain.
type secret struct {
	key    ledger.Digest
	number uint64
}

// maxSecrets bounds what is remembered; all of it can be derived again.
const maxSecrets = 256

// errSecret tells that a key gives no signature to derive a secret from.
var errSecret = errors.New("derive the secret of a hash chain: the key's signature does not hold")

func newChains(c *Config) *chains {
	return &chains{
		chain: c.Chain, node: c.Self, keys: append([]*identity.Key{c.Key}, c.OtherKeys...),
		secrets: map[secret]ledger.Digest{}, anchors: map[secret]ledger.Digest{},
	}
}

// secret derives the secret of a chain from a key.
func (c *chains) secret(key *identity.Key, number uint64) (ledger.Digest, error) {
	name := secret{key: key.ID(), number: number}
	if s, known := c.secrets[name]; known {
		return s, nil
	}
	type subject struct {
		_      struct{} `cbor:",toarray"`
		Chain  ledger.Digest
		Node   ledger.ID
		Number uint64
	}
	payload, err := ledger.Encode(&subject{Chain: c.chain, Node: c.node, Number: number})
	if err != nil {
		return ledger.Digest{}, err
	}
	e := ledger.Envelope{Key: key.ID(), Payload: payload}
	message := e.SigStructure(ledger.KindHashChain)
	signature := key.Sign(message)
	if !key.Check(message, signature) {
		return ledger.Digest{}, errSecret // of a token that failed: what stands there is no secret
	}
	if len(c.secrets) >= maxSecrets {
		clear(c.secrets)
		clear(c.anchors)
	}
	c.secrets[name] = ledger.Hash(signature[:])
	return c.secrets[name], nil
}

// anchor returns what the node would commit to as its chain of a number.
func (c *chains) anchor(number uint64) (ledger.Digest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.secret(c.keys[0], number)
	if err != nil {
		return ledger.Digest{}, err
	}
	name := secret{key: c.keys[0].ID(), number: number}
	if _, known := c.anchors[name]; !known {
		c.anchors[name] = cohort.Value(s, 0)
	}
	return c.anchors[name], nil
}

// value returns what the node's chain of a number has at an index, if that leads
// to a value that is known of it. A key that cannot sign, such as a former one on
// a token that is away, is told of only where the chain is of no other.
func (c *chains) value(number, index uint64, known ledger.Digest, steps uint64) (ledger.Digest, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed error
	for _, key := range c.keys {
		s, err := c.secret(key, number)
		if err != nil {
			failed = err
			continue
		}
		if v := cohort.Value(s, index); cohort.Leads(v, known, steps) {
			return v, true, nil
		}
	}
	return ledger.Digest{}, false, failed
}

// heldChain is what a worker found out of its node's chain last, so that it hashes
// only where something has changed.
type heldChain struct {
	row    fl.HashChain
	known  bool
	link   fl.Link
	reveal *ledger.Digest
}

// ownChain finds out what this node can reveal.
func (w *worker) ownChain(s *round.Snapshot) (own round.OwnChain, err error) {
	for i := range s.Chains {
		row := s.Chains[i].HashChain
		if s.Chains[i].Node != w.config.Self {
			continue
		}
		if own.Next, err = w.chains.anchor(row.Number + 1); err != nil {
			return own, err
		}
		if before := w.chain.row; before.Number != row.Number || before.Index != row.Index || before.Known != row.Known {
			if _, w.chain.known, err = w.chains.value(row.Number, row.Index, row.Known, 0); err != nil {
				return own, err
			}
			w.chain.row = row
		}
		own.Known = w.chain.known
	}
	if s.Draw == nil || s.Round.State != job.RoundDrawing {
		return own, nil
	}
	l := s.Draw.Link(w.config.Self)
	if l == nil || l.Chain == 0 || l.Revealed != 0 {
		return own, nil
	}
	if *l != w.chain.link {
		v, ok, err := w.chains.value(l.Chain, l.Index, l.Known, l.Index-l.From)
		if err != nil {
			return own, fmt.Errorf("find what to reveal for round %d: %w", s.Job.Round, err)
		}
		w.chain.link, w.chain.reveal = *l, nil
		if ok {
			w.chain.reveal = &v
		} else {
			w.logger().Warn("withholds: no key of this node gives the hash chain that it had committed to", "round", s.Job.Round, "chain", l.Chain)
		}
	}
	own.Reveal = w.chain.reveal
	return own, nil
}
