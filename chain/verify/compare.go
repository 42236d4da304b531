package verify

import (
	"bytes"

	"github.com/librum/librum/chain/ledger"
)

// compareHeaders names the first field in which a stored header differs from
// the recomputed one.
func compareHeaders(where string, stored, want *ledger.Header) error {
	for _, field := range []struct {
		name         string
		stored, want any
	}{
		{"version", stored.Version, want.Version},
		{"chain", stored.Chain, want.Chain},
		{"shard", stored.Shard, want.Shard},
		{"epoch", stored.Epoch, want.Epoch},
		{"height", stored.Height, want.Height},
		{"previous hash", stored.Previous, want.Previous},
		{"records root", stored.Records, want.Records},
		{"transactions root", stored.Transactions, want.Transactions},
		{"results root", stored.Results, want.Results},
		{"state commitment", stored.State, want.State},
		{"first position", stored.First, want.First},
		{"last position", stored.Last, want.Last},
		{"log time", stored.LogTime, want.LogTime},
		{"group", stored.Group, want.Group},
	} {
		if field.stored != field.want {
			return finding("header", where, "%s is %v, execution gives %v", field.name, field.stored, field.want)
		}
	}
	return nil
}

// compareResults names how a stored result differs from the recomputed one.
func compareResults(where string, stored, want *ledger.Result) error {
	a, err := ledger.Encode(stored)
	if err != nil {
		return err
	}
	b, err := ledger.Encode(want)
	if err != nil {
		return err
	}
	if bytes.Equal(a, b) {
		return nil
	}
	return finding("result", where, "stored: %s %q with %d events, writes %s; execution gives %s %q with %d events, writes %s",
		stored.ID.Short(), stored.Code, len(stored.Events), stored.Writes.Short(),
		want.ID.Short(), want.Code, len(want.Events), want.Writes.Short())
}
