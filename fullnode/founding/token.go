package founding

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// Purpose is a share of the native token's first distribution.
type Purpose struct {
	Name    string
	Percent uint64
}

// Purposes of LCNC, which add up to all of it.
func Purposes() []Purpose {
	return []Purpose{
		{"development/system", 12},
		{"marketing/community", 5},
		{"team/consultants", 9},
		{ledger.PurposeCirculating, 74},
	}
}

// total is how many LCNC there are, in whole ones.
const total = 35_000_000_000

// NativeToken returns LCNC: 35,000,000,000 of 10^18 units, split by purpose among
// the accounts given, of which 150,000,000 are set aside for a presale. What is
// given to further accounts, in whole LCNC, comes out of the circulating.
func NativeToken(account func(purpose string) ledger.ID, given []Grant) (*ledger.GenesisToken, error) {
	sum := uint64(0)
	for _, g := range given {
		sum += g.Whole
	}
	t := &ledger.GenesisToken{Symbol: "LCNC", Decimals: 18, Supply: whole(total)}
	for _, p := range Purposes() {
		amount := total / 100 * p.Percent
		if p.Name == ledger.PurposeCirculating {
			if sum > amount {
				return nil, fmt.Errorf("make genesis: %d accounts need more than the circulating %d", len(given), amount)
			}
			amount -= sum
		}
		t.Allocations = append(t.Allocations, ledger.GenesisAllocation{Account: account(p.Name), Purpose: p.Name, Amount: whole(amount)})
	}
	for _, g := range given {
		t.Allocations = append(t.Allocations, ledger.GenesisAllocation{Account: g.Account, Purpose: ledger.PurposeCirculating, Amount: whole(g.Whole)})
	}
	t.Presale = ledger.GenesisPresale{
		Amount: whole(150_000_000),
		Splits: "proceeds",
		Shares: []ledger.PresaleShare{
			{Purpose: "team", BasisPoints: 1_500},
			{Purpose: "charity", BasisPoints: 500},
			{Purpose: "marketing/development", BasisPoints: 5_500},
			{Purpose: "reserved", BasisPoints: 2_500},
		},
	}
	return t, nil
}

// Grant is what an account has from the start.
type Grant struct {
	Account ledger.ID
	Whole   uint64
}

// whole returns n tokens in units of 10^-18.
func whole(n uint64) ledger.Amount {
	a, _ := ledger.NewAmount(n).Times(1_000_000_000_000_000_000) // below 2^124
	return a
}
