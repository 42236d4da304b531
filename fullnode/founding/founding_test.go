package founding_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/fullnode/founding"
)

var (
	epoch = time.UnixMilli(1_800_000_000_000)
	seats = []founding.Seat{
		{Name: "officer", Roles: []string{identity.RoleOfficer}},
		{Name: "erika", Roles: []string{identity.RoleOperator, identity.RoleMember}},
	}
)

// newPart makes a part as an organisation does, and reads it as another one does.
func newPart(t testing.TB, name string) (*founding.Part, fullnode.Dir) {
	t.Helper()
	dir := fullnode.Dir(filepath.Join(t.TempDir(), "node"))
	made, err := founding.NewPart(dir, name, seats, "", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	read, err := founding.LoadPart(founding.PartPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := encode(t, made), encode(t, read); !bytes.Equal(a, b) {
		t.Errorf("made %s, read %s", a, b)
	}
	return read, dir
}

func encode(t testing.TB, p *founding.Part) []byte {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGenesis holds invariant 3, and that every organisation finds itself in it.
func TestGenesis(t *testing.T) {
	t.Parallel()
	a, dir := newPart(t, "a")
	b, _ := newPart(t, "b")
	holder := map[string]ledger.ID{ledger.PurposeCirculating: a.Members[1].ID}
	g, err := founding.Genesis("trial", epoch, []*founding.Part{a, b}, holder)
	if err != nil {
		t.Fatal(err)
	}
	again, err := founding.Genesis("trial", epoch, []*founding.Part{b, a}, holder)
	if err != nil {
		t.Fatal(err)
	}
	first, err := ledger.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := ledger.Encode(again); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the order of the parts changes the genesis, %v", err)
	}
	if _, _, err := ledger.ParseGenesis(first); err != nil {
		t.Error(err)
	}
	for _, p := range []*founding.Part{a, b} {
		if err := founding.Includes(g, p); err != nil {
			t.Error(err)
		}
	}
	if got := g.Token.Allocations[3]; got.Account != a.Members[1].ID || got.Purpose != ledger.PurposeCirculating {
		t.Errorf("the circulating went to %+v", got)
	}
	keys, err := dir.Keys(nil)
	if err != nil {
		t.Fatal(err)
	}
	if self, err := dir.NodeID(g, keys[0]); err != nil || self != a.Node.ID {
		t.Errorf("the directory's node is %s, %v", self, err)
	}
	if key, err := keyfile.Load(founding.KeyPath(dir, "erika"), nil); err != nil || key.Public() != ledger.PublicKey(a.Members[1].Key) {
		t.Errorf("the key of a member: %v", err)
	}
}

// TestIncludes changes what an organisation gave, one thing at a time.
func TestIncludes(t *testing.T) {
	t.Parallel()
	a, _ := newPart(t, "a")
	b, _ := newPart(t, "b")
	for name, change := range map[string]func(g *ledger.Genesis){
		"its name":       func(g *ledger.Genesis) { g.Organisations[0].Name, g.Organisations[1].Name = "x", "y" },
		"its node's key": func(g *ledger.Genesis) { g.Group.Nodes[0].Key[0]++; g.Group.Nodes[1].Key[0]++ },
		"its node":       func(g *ledger.Genesis) { g.Group.Nodes = nil },
		"a role more":    func(g *ledger.Genesis) { each(g, func(m *ledger.GenesisMember) { m.Roles = append(m.Roles, "z") }) },
		"a member's key": func(g *ledger.Genesis) { each(g, func(m *ledger.GenesisMember) { m.Key[1]++ }) },
		"a member less":  func(g *ledger.Genesis) { g.Members = g.Members[:0] },
		"a member in its name": func(g *ledger.Genesis) {
			g.Members = append(g.Members, ledger.GenesisMember{ID: ledger.ID{7}, Organisation: a.Organisation})
		},
		"a node in its name": func(g *ledger.Genesis) {
			g.Group.Nodes = append(g.Group.Nodes, ledger.GroupNode{Node: ledger.ID{7}, Organisation: a.Organisation})
		},
		"a node that acts for its member": func(g *ledger.Genesis) {
			g.Delegates = append(g.Delegates, ledger.GenesisDelegate{Member: a.Members[1].ID, Node: b.Node.ID})
		},
	} {
		g, err := founding.Genesis("trial", epoch, []*founding.Part{a, b}, nil)
		if err != nil {
			t.Fatal(err)
		}
		change(g)
		if err := founding.Includes(g, a); !errors.Is(err, founding.ErrMissing) {
			t.Errorf("%s: %v, want %v", name, err, founding.ErrMissing)
		}
	}
}

func each(g *ledger.Genesis, change func(*ledger.GenesisMember)) {
	for i := range g.Members {
		change(&g.Members[i])
	}
}

// TestPartRefused holds invariant 2.
func TestPartRefused(t *testing.T) {
	t.Parallel()
	good, _ := newPart(t, "a")
	other, _ := newPart(t, "b")
	for name, of := range map[string]struct {
		change func(p *founding.Part)
		want   string
	}{
		"a key of another":          {func(p *founding.Part) { p.Members[0].Key = other.Members[0].Key }, "proof is not the key's"},
		"a proof for another name":  {func(p *founding.Part) { p.Members[0].ID[0]++ }, "proof is not the key's"},
		"another organisation":      {func(p *founding.Part) { p.Organisation = other.Organisation }, "proof is not the key's"},
		"no organisation":           {func(p *founding.Part) { p.Organisation = ledger.ID{} }, "no id"},
		"a short key":               {func(p *founding.Part) { p.Node.Key = p.Node.Key[:31] }, "want 32"},
		"a key of small order":      {func(p *founding.Part) { p.Node.Key = make([]byte, 32) }, "node"},
		"no role":                   {func(p *founding.Part) { p.Members[0].Roles = nil }, "no role"},
		"a role that nobody enrols": {func(p *founding.Part) { p.Members[0].Roles = []string{identity.RoleNode} }, "role"},
	} {
		var p founding.Part
		if err := json.Unmarshal(encode(t, good), &p); err != nil {
			t.Fatal(err)
		}
		of.change(&p)
		if _, err := founding.ParsePart(encode(t, &p)); err == nil || !strings.Contains(err.Error(), of.want) {
			t.Errorf("%s: %v, want %q", name, err, of.want)
		}
	}
	text := encode(t, good)
	for _, wrong := range []string{"", "{}", string(text) + "{}", strings.Replace(string(text), `"name"`, `"nam"`, 1), strings.Repeat(" ", founding.MaxPartBytes+1)} {
		if _, err := founding.ParsePart([]byte(wrong)); err == nil {
			t.Errorf("%.40q was taken", wrong)
		}
	}
	if _, err := founding.Genesis("trial", epoch, []*founding.Part{good, good}, nil); err == nil {
		t.Error("one part was taken twice")
	}
	if _, err := founding.Genesis("trial", epoch, []*founding.Part{good}, map[string]ledger.ID{"me": {1}}); err == nil {
		t.Error("a purpose that is none was taken")
	}
	if _, err := founding.Genesis("trial", epoch, nil, nil); err == nil {
		t.Error("a genesis of nobody was made")
	}
}

func TestNewPartRefused(t *testing.T) {
	t.Parallel()
	dir := fullnode.Dir(t.TempDir())
	for name, seat := range map[string]founding.Seat{
		"path":    {Name: "../x", Roles: []string{identity.RoleMember}},
		"nothing": {Name: "", Roles: []string{identity.RoleMember}},
		"roles":   {Name: "x"},
		"node":    {Name: "x", Roles: []string{identity.RoleNode}},
	} {
		if _, err := founding.NewPart(dir, "a", []founding.Seat{seat}, "", rand.Reader); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := founding.NewPart(dir, strings.Repeat("x", 1000), nil, "", rand.Reader); err == nil {
		t.Error("a long name was taken")
	}
	if entries, err := os.ReadDir(string(dir)); err != nil || len(entries) != 0 {
		t.Errorf("what was refused left %v, %v", entries, err)
	}
	if _, err := founding.NewPart(dir, "a", nil, "", rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := founding.NewPart(dir, "a", nil, "", rand.Reader); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made twice: %v, want %v", err, fs.ErrExist)
	}
}

func FuzzParsePart(f *testing.F) {
	p, _ := newPart(f, "a")
	f.Add(encode(f, p))
	f.Add([]byte(`{"name":"a","organisation":"00","node":{},"members":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := founding.ParsePart(b)
		if err != nil {
			return
		}
		// What was taken makes a genesis, or is refused as one.
		if g, err := founding.Genesis("trial", epoch, []*founding.Part{p}, nil); err == nil {
			if err := founding.Includes(g, p); err != nil {
				t.Error(err)
			}
		}
	})
}
