package process

import (
	"strings"
	"testing"

	"github.com/librum/librum/fullnode/config"
)

// TestStorePlace holds that who has to empty a store is told where it is and what to do.
func TestStorePlace(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string][2]string{
		config.DriverPebble:    {"the store in /var/lib/librum/store", "move it aside"},
		config.DriverCassandra: {"keyspace librum_one in Cassandra at a:9042, b:9042", "DROP KEYSPACE librum_one"},
	} {
		c := config.Store{Driver: driver}
		c.Pebble.Dir = "/var/lib/librum/store"
		c.Cassandra.Hosts, c.Cassandra.Keyspace = []string{"a:9042", "b:9042"}, "librum_one"
		if where, empty := storePlace(&c); where != want[0] || !strings.Contains(empty, want[1]) {
			t.Errorf("%s: %q, %q; want %q, %q", driver, where, empty, want[0], want[1])
		}
	}
}
