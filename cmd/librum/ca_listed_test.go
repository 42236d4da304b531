package main

import (
	"testing"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

func TestListingOf(t *testing.T) {
	t.Parallel()
	own, other := ledger.ID{1}, ledger.ID{2}
	mine, another := ledger.Digest{1}, ledger.Digest{2}
	row := func(organisation ledger.ID, certificate ledger.Digest, removed bool) v1.CA {
		return v1.CA{Organisation: organisation, Certificate: certificate, From: 100, Until: 200, Removed: removed}
	}
	for name, tt := range map[string]struct {
		at   int64
		rows []v1.CA
		want listing
	}{
		"no rows":                              {100, nil, listingNo},
		"rows of another organisation":         {100, []v1.CA{row(other, another, false)}, listingNo},
		"its certificate, for another":         {100, []v1.CA{row(other, mine, false)}, listingNo},
		"another of its organisation":          {100, []v1.CA{row(own, another, false)}, listingOther},
		"another that was removed":             {100, []v1.CA{row(own, another, true)}, listingOther},
		"listed, from its first moment":        {100, []v1.CA{row(own, mine, false)}, listingYes},
		"listed, to its last":                  {199, []v1.CA{row(own, mine, false)}, listingYes},
		"before":                               {99, []v1.CA{row(own, mine, false)}, listingOutside},
		"after":                                {200, []v1.CA{row(own, mine, false)}, listingOutside},
		"removed":                              {100, []v1.CA{row(own, mine, true)}, listingRemoved},
		"listed, behind another of its own":    {100, []v1.CA{row(own, another, true), row(own, mine, false)}, listingYes},
		"listed, before another of its own":    {100, []v1.CA{row(own, mine, false), row(own, another, false)}, listingYes},
		"removed, and another of it is listed": {100, []v1.CA{row(own, another, false), row(own, mine, true)}, listingRemoved},
	} {
		if got := listingOf(&v1.Governance{LogTime: tt.at, CAs: tt.rows}, own, mine); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
