package cassandra

import (
	"testing"

	"github.com/gocql/gocql"
)

func TestCopiesThatAnswer(t *testing.T) {
	t.Parallel()
	spread := map[string]string{"class": "org.apache.cassandra.locator.NetworkTopologyStrategy", "a": "1", "b": "3", "c": "2"}
	simple := map[string]string{"class": "org.apache.cassandra.locator.SimpleStrategy", "replication_factor": "3"}
	for _, c := range []struct {
		replication map[string]string
		consistency gocql.Consistency
		want        int
	}{
		{spread, gocql.Quorum, 6},
		{spread, gocql.All, 6},
		{spread, gocql.LocalQuorum, 1}, // the write may have been answered in a alone
		{simple, gocql.Quorum, 3},
		{simple, gocql.LocalQuorum, 3},
		{nil, gocql.LocalQuorum, 0},
	} {
		if got := copiesThatAnswer(c.replication, c.consistency); got != c.want {
			t.Errorf("%v at %s: %d, want %d", c.replication, c.consistency, got, c.want)
		}
	}
}
