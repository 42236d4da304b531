package elastic_test

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
	"github.com/librum/librum/search/elastic"
	"github.com/librum/librum/search/searchtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server returns the address of a real Elasticsearch, or skips.
func server(t testing.TB) string {
	t.Helper()
	address := os.Getenv("LIBRUM_TEST_ELASTICSEARCH")
	if address == "" {
		t.Skip("LIBRUM_TEST_ELASTICSEARCH names no Elasticsearch; see make test-integration")
	}
	return address
}

// configure returns a configuration of a prefix of its own, which is removed
// after the test.
func configure(t testing.TB) elastic.Config {
	t.Helper()
	config := elastic.Config{
		Addresses: []string{server(t)}, Prefix: "librum-test-" + strings.ToLower(rand.Text()), Node: ledger.ID{1},
	}
	t.Cleanup(func() { removeAll(t, config) })
	return config
}

// open returns an index with an empty generation.
func open(t testing.TB, config elastic.Config, schema *document.Schema) *elastic.Index {
	t.Helper()
	x := connect(t, config, schema)
	if _, _, err := x.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := x.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	return x
}

// connect returns an index as it is on the server.
func connect(t testing.TB, config elastic.Config, schema *document.Schema) *elastic.Index {
	t.Helper()
	x, err := elastic.New(config, schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// The same answers as those of every other index, from one shard and from three.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, shards := range map[string]int{"one shard": 1, "three shards": 3} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			searchtest.Run(t, func(t *testing.T, schema *document.Schema) searchtest.Index {
				t.Helper()
				config := configure(t)
				config.Shards = shards
				return open(t, config, schema)
			})
		})
	}
}
