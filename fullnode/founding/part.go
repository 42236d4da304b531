package founding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"

	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/internal/durable"
)

// Bounds of a part.
const (
	MaxPartBytes = 1 << 20
	MaxMembers   = 1_000 // others are enrolled later
)

// Part is what one organisation says in public before there is a chain.
type Part struct {
	Name         string    `json:"name"` // of the organisation
	Organisation ledger.ID `json:"organisation"`
	Node         Member    `json:"node"`
	Members      []Member  `json:"members"`
}

// Member is who is to be known from the start, with the proof that its holder
// has the key.
type Member struct {
	Name  string    `json:"name,omitempty"` // of the key's file; it does not come into the genesis
	ID    ledger.ID `json:"id"`
	Roles []string  `json:"roles,omitempty"` // ascending; a node has none
	Key   []byte    `json:"key"`             // Ed25519 public key
	Proof []byte    `json:"proof"`           // of possession, 64 bytes
}

// Seat is a member to be: its key is written beside the node's as NAME-key.
type Seat struct {
	Name  string
	Roles []string
}

// PartPath is where a part stands in a node's directory.
func PartPath(dir fullnode.Dir) string { return filepath.Join(string(dir), "part.json") }

// KeyPath is where the key of a member stands in a node's directory.
func KeyPath(dir fullnode.Dir, name string) string {
	return filepath.Join(string(dir), "members", name+"-key")
}

// Roles lists those that members may have from the start.
func Roles() []string { return append(members.EnrolRoles(), identity.RoleOfficer) }

var seatName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// NewPart draws ids and keys of an organisation's node and members, and writes
// them and the part into the node's directory. Nothing that is there is
// overwritten.
func NewPart(dir fullnode.Dir, organisation string, seats []Seat, passphrase string, random io.Reader) (*Part, error) {
	p := &Part{Name: organisation, Members: []Member{}}
	if len(organisation) == 0 || len(organisation) > ledger.MaxNameBytes {
		return nil, fmt.Errorf("the organisation's name has %d bytes, want 1 to %d", len(organisation), ledger.MaxNameBytes)
	}
	if len(seats) > MaxMembers {
		return nil, fmt.Errorf("%d members, at most %d stand in a part; enrol others later", len(seats), MaxMembers)
	}
	seen := map[string]bool{}
	for _, s := range seats {
		if !seatName.MatchString(s.Name) || seen[s.Name] {
			return nil, fmt.Errorf("member %.80q: want a name of its own, of lower-case letters, digits and -", s.Name)
		}
		if seen[s.Name] = true; len(s.Roles) == 0 {
			return nil, fmt.Errorf("member %s: name its roles", s.Name)
		}
		for _, role := range s.Roles {
			if !slices.Contains(Roles(), role) {
				return nil, fmt.Errorf("member %s: role %.40q, want some of %v", s.Name, role, Roles())
			}
		}
	}
	if _, err := io.ReadFull(random, p.Organisation[:]); err != nil {
		return nil, fmt.Errorf("draw an id: %w", err)
	}
	draw := func(path, name string, roles []string) (m Member, err error) {
		if _, err := io.ReadFull(random, m.ID[:]); err != nil {
			return m, fmt.Errorf("draw an id: %w", err)
		}
		key, err := identity.NewKey(random)
		if err != nil {
			return m, err
		}
		if err := keyfile.Write(path, key, passphrase); err != nil {
			return m, err
		}
		m.Name, m.Roles = name, slices.Compact(slices.Sorted(slices.Values(roles)))
		public := key.Public()
		proof, err := p.possession(m.ID, public).Sign(key.Sign)
		m.Key, m.Proof = public[:], proof[:]
		return m, err
	}
	var err error
	for _, s := range seats {
		m, err := draw(KeyPath(dir, s.Name), s.Name, s.Roles)
		if err != nil {
			return nil, fmt.Errorf("make the key of %s: %w", s.Name, err)
		}
		p.Members = append(p.Members, m)
	}
	if p.Node, err = draw(dir.Key(), "", nil); err != nil {
		return nil, fmt.Errorf("make the node's key: %w", err)
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, err
	}
	return p, durable.WriteFile(PartPath(dir), append(b, '\n'), 0o644)
}

// possession is what a key of the part signs. There is no chain yet, so it names
// none: the proof is good for a genesis alone, since on a chain it would have to
// name that.
func (p *Part) possession(member ledger.ID, key ledger.PublicKey) *ledger.Possession {
	return &ledger.Possession{Version: ledger.Version, Organisation: p.Organisation, Member: member, Key: key}
}

// LoadPart reads a part and checks its proofs.
func LoadPart(path string) (*Part, error) {
	b, err := durable.ReadFile(path, MaxPartBytes)
	if err != nil {
		return nil, err
	}
	p, err := ParsePart(b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return p, nil
}

// ParsePart is LoadPart for a file's bytes.
func ParsePart(b []byte) (*Part, error) {
	if len(b) > MaxPartBytes {
		return nil, fmt.Errorf("a part of %d bytes, at most %d are read", len(b), MaxPartBytes)
	}
	var p Part
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("something stands behind the part")
	}
	if len(p.Members) > MaxMembers {
		return nil, fmt.Errorf("%d members, at most %d stand in a part", len(p.Members), MaxMembers)
	}
	if p.Organisation.IsZero() {
		return nil, errors.New("the organisation has no id")
	}
	for i, m := range append([]Member{p.Node}, p.Members...) {
		what := "node"
		if i > 0 {
			what = fmt.Sprintf("member %s", m.ID)
		}
		if len(m.Key) != ledger.PublicKeySize || len(m.Proof) != ledger.SignatureSize {
			return nil, fmt.Errorf("%s: key of %d bytes and proof of %d, want 32 and 64", what, len(m.Key), len(m.Proof))
		}
		key := ledger.PublicKey(m.Key)
		if err := identity.CheckEnrolment(key); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if !p.possession(m.ID, key).Proven(identity.Verify, [ledger.SignatureSize]byte(m.Proof)) {
			return nil, fmt.Errorf("%s: the proof is not the key's; make the part again", what)
		}
		for _, role := range m.Roles {
			if !slices.Contains(Roles(), role) {
				return nil, fmt.Errorf("%s: role %.40q, want some of %v", what, role, Roles())
			}
		}
		if i > 0 && len(m.Roles) == 0 {
			return nil, fmt.Errorf("%s: it has no role", what)
		}
	}
	return &p, nil
}
