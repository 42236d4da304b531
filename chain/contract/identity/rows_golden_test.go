package identity_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
)

// TestRowsStayAsTheyWere reads and writes rows in the form in which chains hold
// them. A changed form is a new protocol version.
func TestRowsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		row  any
		want string
	}{
		"a delegate": {
			&identity.Delegate{Node: ledger.ID{1}, Key: ledger.PublicKey{2}, Methods: []string{"fl.CreateJob"}, Expiry: 3},
			"8450010000000000000000000000000000005820020000000000000000000000000000000000000000000000000000000000000" +
				"0816c666c2e4372656174654a6f6203",
		},
		"an allowance": {&contract.Allowance{Limit: ledger.NewAmount(500), Spent: ledger.NewAmount(1)}, "824201f44101"},
		"a delegation without a limit": {
			&identity.AddDelegate{Node: ledger.ID{1}, Key: ledger.PublicKey{2}, Proof: identity.Proof{4}, Methods: []string{"fl.CreateJob"}, Expiry: 3},
			"a5636b65795820020000000000000000000000000000000000000000000000000000000000000064" +
				"6e6f646550010000000000000000000000000000006570726f6f66584004" + strings.Repeat("00", 63) +
				"6665787069727903676d6574686f6473816c666c2e4372656174654a6f62",
		},
		"a renewal": {
			&identity.Renew{Member: ledger.ID{1}, Expiry: 3},
			"a26665787069727903666d656d6265725001000000000000000000000000000000",
		},
		"a renewal's event": {
			&identity.Renewed{Member: ledger.ID{1}, Officer: ledger.ID{2}, Expiry: 3},
			"a36665787069727903666d656d6265725001000000000000000000000000000000" +
				"676f6666696365725002000000000000000000000000000000",
		},
	} {
		b, err := ledger.Encode(tt.row)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(b); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
