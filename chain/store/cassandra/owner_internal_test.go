package cassandra

import "testing"

func TestOwnersMeetAcrossDataCentres(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		statement string
		values    []any
		want      bool
	}{
		{namesOfMeta, nil, true},
		{getMeta, []any{"owner"}, true},
		{putMeta, []any{"owner", []byte{}, int64(1)}, true},
		{putMeta, []any{claims + "a 0 b", []byte{}, int64(1)}, true},
		{putMeta, []any{"applied", []byte{}, int64(1)}, false},
		{getMeta, []any{"applied"}, false},
		{getMeta, []any{"schema"}, false},
	} {
		if got := ofOwner(c.statement, c.values); got != c.want {
			t.Errorf("%s %v: %v, want %v", c.statement, c.values, got, c.want)
		}
	}
}
