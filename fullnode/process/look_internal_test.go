package process

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/file"
	"github.com/librum/librum/chain/transport"
	"github.com/librum/librum/fullnode/config"
)

// TestLookName holds that only another address under the node's very name is a
// finding.
func TestLookName(t *testing.T) {
	t.Parallel()
	r := file.Open(filepath.Join(t.TempDir(), "registry.json"), time.Now)
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	at := place{chain: ledger.Digest{1}, node: ledger.ID{2}}
	key := transport.AddressKey(at.chain, at.node)
	for _, c := range []struct {
		key, value string
		taken      bool
	}{
		{key + "0", "192.0.2.1:7443", false},
		{key, "127.0.0.1:7443", false},
		{key, "192.0.2.1:7443", true},
	} {
		if _, err := r.Put(t.Context(), c.key, []byte(c.value), registry.Any); err != nil {
			t.Fatal(err)
		}
		err := lookName(t.Context(), r, &config.Mesh{Listen: "127.0.0.1:7443"}, at)
		if errors.Is(err, ErrNameTaken) != c.taken || !c.taken && err != nil {
			t.Errorf("with %s at %s: %v", c.key, c.value, err)
		}
	}
}
