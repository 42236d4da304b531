package coordinator

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"errors"
	"io"
	"testing"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/fl/cohort"
)

// away is the signer of a token that is not there.
type away struct{ ed25519.PrivateKey }

func (away) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no token")
}

// TestChainBesideAKeyThatIsAway: a former key that cannot sign hides no chain of
// another, and is named only where no other key knows the chain.
func TestChainBesideAKeyThatIsAway(t *testing.T) {
	t.Parallel()
	seeded := func(i byte) *identity.Key { return identity.KeyFromSeed([ed25519.SeedSize]byte{i}) }
	gone, err := identity.NewSignerKey(away{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	known, err := newChains(&Config{Key: seeded(1)}).anchor(1)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys  []*identity.Key
		found bool
		err   error
	}{
		"behind it":           {[]*identity.Key{seeded(2), gone, seeded(1)}, true, nil},
		"before it":           {[]*identity.Key{seeded(1), gone}, true, nil},
		"the one in force":    {[]*identity.Key{gone, seeded(1)}, true, nil},
		"perhaps its own":     {[]*identity.Key{seeded(2), gone, seeded(3)}, false, errSecret},
		"nobody's, all there": {[]*identity.Key{seeded(2), seeded(3)}, false, nil},
	} {
		chains := newChains(&Config{Key: c.keys[0], OtherKeys: c.keys[1:]})
		v, ok, err := chains.value(1, 0, known, 0)
		if ok != c.found || !errors.Is(err, c.err) || ok && !cohort.Leads(v, known, 0) {
			t.Errorf("%s: %s, %v, %v", name, v.Short(), ok, err)
		}
	}
}
