package localnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/internal/durable"
)

// Enrolment is what a holder of new keys hands to whoever proposes them: all of
// it is public.
type Enrolment struct {
	Chain        ledger.Digest `json:"chain"`
	Organisation ledger.ID     `json:"organisation"`
	Officer      *NewMember    `json:"officer,omitempty"`
	Node         *NewMember    `json:"node,omitempty"`
}

// NewMember is a member with a key and the proof that its holder has it.
type NewMember struct {
	ID    ledger.ID `json:"id"`
	Key   []byte    `json:"key"`   // Ed25519 public key
	Proof []byte    `json:"proof"` // of possession, 64 bytes
}

// MaxEnrolmentBytes bounds an enrolment file.
const MaxEnrolmentBytes = 16 << 10

// LoadEnrolment reads an enrolment file and checks its proofs.
func LoadEnrolment(path string) (*Enrolment, error) {
	b, err := durable.ReadFile(path, MaxEnrolmentBytes)
	if err != nil {
		return nil, err
	}
	var e Enrolment
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for what, m := range map[string]*NewMember{"officer": e.Officer, "node": e.Node} {
		if m == nil {
			continue
		}
		if len(m.Key) != ledger.PublicKeySize || len(m.Proof) != ledger.SignatureSize {
			return nil, fmt.Errorf("read %s: %s: key of %d bytes and proof of %d, want 32 and 64", path, what, len(m.Key), len(m.Proof))
		}
		p := possession(e.Chain, e.Organisation, m.ID, ledger.PublicKey(m.Key))
		if !p.Proven(identity.Verify, [ledger.SignatureSize]byte(m.Proof)) {
			return nil, fmt.Errorf("read %s: %s: the proof is not the key's; make the file again", path, what)
		}
	}
	return &e, nil
}

// possession is what a key signs before it becomes a member's. All chains of
// this package have shard 0.
func possession(chain ledger.Digest, organisation, member ledger.ID, key ledger.PublicKey) *ledger.Possession {
	return &ledger.Possession{Version: ledger.Version, Chain: chain, Organisation: organisation, Member: member, Key: key}
}

func newMember(chain ledger.Digest, organisation, id ledger.ID, key *identity.Key) (*NewMember, error) {
	public := key.Public()
	proof, err := possession(chain, organisation, id, public).Sign(key.Sign)
	if err != nil {
		return nil, err
	}
	return &NewMember{ID: id, Key: public[:], Proof: proof[:]}, nil
}

// drawKey draws a key and writes its file.
func drawKey(path string, random io.Reader) (*identity.Key, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("make a key: %s is there already", path)
	}
	var seed [32]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, fmt.Errorf("draw a key: %w", err)
	}
	key := identity.KeyFromSeed(seed)
	return key, writeKey(path, key)
}

func drawID(random io.Reader) (id ledger.ID, err error) {
	if _, err := io.ReadFull(random, id[:]); err != nil {
		return id, fmt.Errorf("draw an id: %w", err)
	}
	return id, nil
}

// NewNode makes id, key and enrolment of one more node in the directory, and
// returns its index. With a zero organisation it is the first node of a new one,
// which gets an id and an officer too.
func (d Dir) NewNode(organisation ledger.ID, random io.Reader) (*Enrolment, int, error) {
	_, chain, err := d.LoadGenesis()
	if err != nil {
		return nil, 0, err
	}
	index, err := d.CountNodes()
	if err != nil {
		return nil, 0, err
	}
	e := &Enrolment{Chain: chain, Organisation: organisation}
	if organisation.IsZero() {
		if e.Organisation, err = drawID(random); err != nil {
			return nil, 0, err
		}
		if e.Officer, err = d.newOfficer(e.Organisation, d.OfficerKey(index), chain, random); err != nil {
			return nil, 0, err
		}
	}
	id, err := drawID(random)
	if err != nil {
		return nil, 0, err
	}
	if err := durable.WriteFile(d.NodeID(index), []byte(id.String()+"\n"), 0o600); err != nil {
		return nil, 0, fmt.Errorf("write the id of node %d: %w", index, err)
	}
	key, err := drawKey(d.Key(index), random) // last: without a key there is no node
	if err != nil {
		return nil, 0, err
	}
	if e.Node, err = newMember(chain, e.Organisation, id, key); err != nil {
		return nil, 0, err
	}
	return e, index, d.writeEnrolment(filepath.Join(d.Node(index), "enrolment.json"), e)
}

// NextKey makes another key for a node of the directory, beside those it has,
// and returns its enrolment.
func (d Dir) NextKey(index int, organisation ledger.ID, random io.Reader) (*Enrolment, error) {
	g, chain, err := d.LoadGenesis()
	if err != nil {
		return nil, err
	}
	keys, err := fullnode.Dir(d.Node(index)).Keys(nil)
	if err != nil {
		return nil, err
	}
	id, err := fullnode.Dir(d.Node(index)).NodeID(g, keys[0])
	if err != nil {
		return nil, err
	}
	// Of the genesis is its first key alone, which goes when the new one is in force.
	if err := durable.WriteFile(d.NodeID(index), []byte(id.String()+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write the id of node %d: %w", index, err)
	}
	key, err := drawKey(filepath.Join(d.Node(index), "key-"+strconv.Itoa(len(keys)+1)), random)
	if err != nil {
		return nil, err
	}
	e := &Enrolment{Chain: chain, Organisation: organisation}
	if e.Node, err = newMember(chain, organisation, id, key); err != nil {
		return nil, err
	}
	return e, d.writeEnrolment(filepath.Join(d.Node(index), "enrolment.json"), e)
}

// NewOfficer makes a key for a new officer and returns the enrolment, which it
// writes beside it as PATH.json.
func (d Dir) NewOfficer(organisation ledger.ID, path string, random io.Reader) (*Enrolment, error) {
	_, chain, err := d.LoadGenesis()
	if err != nil {
		return nil, err
	}
	e := &Enrolment{Chain: chain, Organisation: organisation}
	if e.Officer, err = d.newOfficer(organisation, path, chain, random); err != nil {
		return nil, err
	}
	return e, d.writeEnrolment(path+".json", e)
}

func (d Dir) newOfficer(organisation ledger.ID, path string, chain ledger.Digest, random io.Reader) (*NewMember, error) {
	id, err := drawID(random)
	if err != nil {
		return nil, err
	}
	key, err := drawKey(path, random)
	if err != nil {
		return nil, err
	}
	return newMember(chain, organisation, id, key)
}

func (d Dir) writeEnrolment(path string, e *Enrolment) error {
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the enrolment: %w", err)
	}
	return nil
}

// NodeID is the path of the file with the index-th node's id.
func (d Dir) NodeID(index int) string { return fullnode.Dir(d.Node(index)).ID() }

// CountNodes returns how many nodes the directory has keys for.
func (d Dir) CountNodes() (int, error) {
	for n := 0; ; n++ {
		_, err := os.Stat(d.Key(n))
		if errors.Is(err, fs.ErrNotExist) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}
