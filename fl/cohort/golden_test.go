package cohort_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/cohort"
)

var rewrite = flag.Bool("rewrite", false, "rewrite testdata/vectors.json")

// vector is one draw, in the form that other languages read too.
type vector struct {
	Job     ledger.Digest `json:"job"`
	Round   uint64        `json:"round"`
	Roster  []ledger.ID   `json:"roster"`
	Reveals []reveal      `json:"reveals"`
	Size    uint64        `json:"size"`

	RosterDigest ledger.Digest `json:"roster_digest"`
	Seed         ledger.Digest `json:"seed"`
	Cohort       []ledger.ID   `json:"cohort"`
}

// reveal is the value of a chain over a secret at an index, and the value 0.
type reveal struct {
	Node   ledger.ID     `json:"node"`
	Secret ledger.Digest `json:"secret"`
	Index  uint64        `json:"index"`
	Anchor ledger.Digest `json:"anchor"`
	Value  ledger.Digest `json:"value"`
}

// TestVectors holds testdata/vectors.json, which the Python tests read as well.
func TestVectors(t *testing.T) {
	t.Parallel()
	var all []vector
	for i, c := range []struct {
		peers   int
		size    uint64
		indices []uint64
	}{
		{1, 1, []uint64{1}},
		{10, 3, []uint64{1, 1, 2, 65_536}},
		{64, 64, []uint64{7}},
		{200, 20, []uint64{3, 4, 5}},
	} {
		v := vector{Job: seed(uint64(i)), Round: uint64(1) << (8 * i), Roster: roster(c.peers), Size: c.size}
		var reveals []cohort.Reveal
		for j, index := range c.indices {
			secret := seed(uint64(100*i + j))
			r := reveal{Node: ledger.ID{byte(j), 1}, Secret: secret, Index: index, Anchor: cohort.Value(secret, 0), Value: cohort.Value(secret, index)}
			v.Reveals = append(v.Reveals, r)
			reveals = append(reveals, cohort.Reveal{Node: r.Node, Value: r.Value})
		}
		var err error
		if v.RosterDigest, err = cohort.RosterDigest(v.Roster); err != nil {
			t.Fatal(err)
		}
		if v.Seed, err = cohort.Seed(v.Job, v.Round, v.RosterDigest, reveals); err != nil {
			t.Fatal(err)
		}
		v.Cohort = cohort.Draw(v.Seed, v.Roster, v.Size)
		all = append(all, v)
	}
	got, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const path = "testdata/vectors.json"
	if *rewrite {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the draws differ from %s; now they are\n%s", path, got)
	}
}
