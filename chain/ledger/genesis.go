package ledger

import (
	"fmt"
	"strings"
)

// Genesis is the first state of a chain. The SHA-256 of its file is the
// chain's id and the anchor of all verification.
type Genesis struct {
	_             struct{} `cbor:",toarray"`
	Version       uint16
	Name          string // tells chains apart for people
	Shard         uint32
	Time          int64 // log time before the first record, ms
	Organisations []GenesisOrganisation
	Group         Group // the nodes of epoch 0
	Members       []GenesisMember
	Delegates     []GenesisDelegate
	Limits        Limits
	Token         GenesisToken
}

// GenesisOrganisation is an organisation that takes part from the start.
type GenesisOrganisation struct {
	_    struct{} `cbor:",toarray"`
	ID   ID
	Name string
}

// GenesisMember is a member known from the start.
type GenesisMember struct {
	_            struct{} `cbor:",toarray"`
	ID           ID
	Organisation ID
	Roles        []string // ascending
	Key          PublicKey
}

// GenesisDelegate lets a node sign for a member with a key of the node's own,
// for the listed methods alone.
type GenesisDelegate struct {
	_       struct{} `cbor:",toarray"`
	Member  ID
	Node    ID
	Key     PublicKey
	Methods []string // "contract.method", ascending
	Expiry  int64    // log time in ms
}

// Limits bound what blocks and transactions may hold.
type Limits struct {
	_                 struct{} `cbor:",toarray"`
	BlockTransactions uint32   // a block is cut after the record that reaches it
	BlockBytes        uint32   // the same for bytes of record envelopes
	MaxTTL            int64    // how far ahead an expiry may lie, ms
}

// Validate refuses limits under which a chain could not go on; what names the
// format that holds them.
func (l *Limits) Validate(what string) error {
	switch {
	case l.BlockTransactions == 0 || l.BlockBytes == 0 || l.BlockBytes > MaxBlockBytes/2:
		return malformed(what, "limits", "block limits must be positive, bytes at most %d", MaxBlockBytes/2)
	case l.MaxTTL < 1000 || l.MaxTTL > 24*3600*1000:
		return malformed(what, "limits", "max_ttl of %d ms, want one second to one day", l.MaxTTL)
	}
	return nil
}

// DefaultLimits are the limits of a new chain.
func DefaultLimits() Limits {
	return Limits{BlockTransactions: 10_000, BlockBytes: 4 << 20, MaxTTL: 10 * 60 * 1000}
}

// GenesisToken is the native token's first distribution.
type GenesisToken struct {
	_           struct{} `cbor:",toarray"`
	Symbol      string
	Decimals    uint8
	Supply      Amount
	Allocations []GenesisAllocation // add up to Supply
	Presale     GenesisPresale
}

// GenesisAllocation gives an account its first balance.
type GenesisAllocation struct {
	_       struct{} `cbor:",toarray"`
	Account ID
	Purpose string
	Amount  Amount
}

// PurposeCirculating is the purpose of the allocation that a presale takes
// its tokens from.
const PurposeCirculating = "circulating"

// GenesisPresale sets aside tokens for a sale before trading.
type GenesisPresale struct {
	_      struct{} `cbor:",toarray"`
	Amount Amount
	Splits string         // what the shares divide: "proceeds" or "tokens"
	Shares []PresaleShare // add up to 10,000 basis points
}

// PresaleShare is one receiver's part of the presale.
type PresaleShare struct {
	_           struct{} `cbor:",toarray"`
	Purpose     string
	BasisPoints uint32
}

// MaxGenesisBytes bounds a genesis file.
const MaxGenesisBytes = 64 << 20

// ParseGenesis reads and validates a genesis file and returns its digest.
func ParseGenesis(b []byte) (*Genesis, Digest, error) {
	var g Genesis
	if err := decodeFormat(decMode, "genesis", b, MaxGenesisBytes, &g); err != nil {
		return nil, Digest{}, err
	}
	if err := g.Validate(); err != nil {
		return nil, Digest{}, err
	}
	return &g, Hash(b), nil
}

// Validate refuses a genesis that contradicts itself or does not add up.
func (g *Genesis) Validate() error {
	const what = "genesis"
	switch {
	case g.Version != Version:
		return malformed(what, "version", "%d, want %d", g.Version, Version)
	case len(g.Name) == 0 || len(g.Name) > MaxNameBytes:
		return malformed(what, "name", "%d bytes, want 1 to %d", len(g.Name), MaxNameBytes)
	case g.Time <= 0:
		return malformed(what, "time", "%d, want milliseconds since 1970", g.Time)
	}
	if err := g.Limits.Validate(what); err != nil {
		return err
	}
	organisations, err := g.validateOrganisations()
	if err != nil {
		return err
	}
	if err := g.validateGroup(organisations); err != nil {
		return err
	}
	if err := g.validateMembers(organisations); err != nil {
		return err
	}
	return g.Token.validate()
}

func (g *Genesis) validateOrganisations() (map[ID]bool, error) {
	const what = "genesis"
	seen := map[ID]bool{}
	for i, o := range g.Organisations {
		if o.ID.IsZero() || seen[o.ID] || len(o.Name) == 0 || len(o.Name) > MaxNameBytes {
			return nil, malformed(what, fmt.Sprintf("organisation %d", i), "want an id of its own and a name of 1 to %d bytes", MaxNameBytes)
		}
		seen[o.ID] = true
	}
	if len(seen) == 0 {
		return nil, malformed(what, "organisations", "none, want at least one")
	}
	return seen, nil
}

func (g *Genesis) validateGroup(organisations map[ID]bool) error {
	const what = "genesis"
	if err := g.Group.validate(what); err != nil {
		return err
	}
	if g.Group.Epoch != 0 {
		return malformed(what, "group", "epoch %d, want 0", g.Group.Epoch)
	}
	for i, n := range g.Group.Nodes {
		if !organisations[n.Organisation] {
			return malformed(what, fmt.Sprintf("group node %d", i), "organisation %s is not listed", n.Organisation)
		}
	}
	return nil
}

func (g *Genesis) validateMembers(organisations map[ID]bool) error {
	const what = "genesis"
	members, keys := map[ID]bool{}, map[PublicKey]bool{}
	for _, n := range g.Group.Nodes {
		keys[n.Key] = true
	}
	for i, m := range g.Members {
		where := fmt.Sprintf("member %d", i)
		switch {
		case m.ID.IsZero() || members[m.ID]:
			return malformed(what, where, "want an id of its own")
		case g.Group.Index(m.ID) >= 0:
			return malformed(what, where, "its id is a node's, which is a member without being listed")
		case !organisations[m.Organisation]:
			return malformed(what, where, "organisation %s is not listed", m.Organisation)
		case keys[m.Key]:
			return malformed(what, where, "its key is a node's or another member's")
		case !ascending(m.Roles) || len(m.Roles) > 16:
			return malformed(what, where, "want at most 16 roles in ascending order")
		}
		for _, role := range m.Roles {
			if err := checkName(what, where+" role", role); err != nil {
				return err
			}
		}
		members[m.ID], keys[m.Key] = true, true
	}
	for i, d := range g.Delegates {
		where := fmt.Sprintf("delegate %d", i)
		switch {
		case !members[d.Member]:
			return malformed(what, where, "member %s is not listed", d.Member)
		case g.Group.Index(d.Node) < 0:
			return malformed(what, where, "node %s is not in the group", d.Node)
		case keys[d.Key]:
			return malformed(what, where, "its key is a node's, a member's or another delegate's")
		case d.Expiry <= g.Time:
			return malformed(what, where, "expiry %d lies before the chain's first time %d", d.Expiry, g.Time)
		case !ascending(d.Methods) || len(d.Methods) == 0 || len(d.Methods) > 64:
			return malformed(what, where, "want 1 to 64 methods in ascending order")
		}
		for _, name := range d.Methods {
			contract, method, _ := strings.Cut(name, ".")
			if err := checkName(what, where+" contract", contract); err != nil {
				return err
			}
			if err := checkName(what, where+" method", method); err != nil {
				return err
			}
		}
		keys[d.Key] = true
	}
	return nil
}

// ascending reports whether the names ascend, which leaves no room for one to
// stand twice.
func ascending(names []string) bool {
	for i := range names {
		if i > 0 && names[i-1] >= names[i] {
			return false
		}
	}
	return true
}

func (t *GenesisToken) validate() error {
	const what = "genesis"
	if err := checkName(what, "token symbol", t.Symbol); err != nil {
		return err
	}
	var sum, circulating Amount
	seen := map[ID]bool{}
	for i, a := range t.Allocations {
		if seen[a.Account] || len(a.Purpose) > MaxNameBytes {
			return malformed(what, fmt.Sprintf("allocation %d", i), "want an account of its own and a purpose of at most %d bytes", MaxNameBytes)
		}
		seen[a.Account] = true
		next, ok := sum.Plus(a.Amount)
		if !ok {
			return malformed(what, fmt.Sprintf("allocation %d", i), "the sum passes 2^256")
		}
		sum = next
		if a.Purpose == PurposeCirculating {
			circulating, _ = circulating.Plus(a.Amount) // no more than sum, which fits
		}
	}
	if sum.Cmp(t.Supply) != 0 {
		return malformed(what, "token", "allocations add up to %s, the supply is %s", sum, t.Supply)
	}
	return t.Presale.validate(circulating)
}

func (p *GenesisPresale) validate(circulating Amount) error {
	const what = "genesis"
	if p.Amount.Cmp(circulating) > 0 {
		return malformed(what, "presale", "%s is more than the circulating %s", p.Amount, circulating)
	}
	if p.Amount.IsZero() {
		return nil
	}
	if p.Splits != "proceeds" && p.Splits != "tokens" {
		return malformed(what, "presale", "splits %.20q, want proceeds or tokens", p.Splits)
	}
	points := uint64(0)
	for i, s := range p.Shares {
		if len(s.Purpose) == 0 || len(s.Purpose) > MaxNameBytes {
			return malformed(what, "presale", "share %d: purpose of %d bytes, want 1 to %d", i, len(s.Purpose), MaxNameBytes)
		}
		points += uint64(s.BasisPoints)
	}
	if points != 10_000 {
		return malformed(what, "presale", "shares add up to %d basis points, want 10000", points)
	}
	return nil
}
