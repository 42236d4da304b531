package doctor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/librum/librum/localnet"
	"github.com/librum/librum/localnet/doctor"
)

// TestConfig looks at nodes by their configuration.
func TestConfig(t *testing.T) {
	t.Parallel()
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, localnet.SecretsFromSeed(3), localnet.Spec{Nodes: 1, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	_, chain, err := dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(string(dir), "open-password")
	if err := os.WriteFile(open, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(string(dir), "node.yaml")
	const nobody = "'127.0.0.1:1'"
	for _, c := range []struct {
		name, text string
		want       map[string]doctor.State
	}{
		{"embedded", "", map[string]doctor.State{"config": doctor.OK, "secrets": doctor.OK, "disk": doctor.OK}},
		{"wrong", "colour: red\n", map[string]doctor.State{"config": doctor.Bad}},
		{"another directory", "", map[string]doctor.State{"secrets": doctor.Bad, "engines": doctor.Unknown}},
		{
			"one broker, nobody there", "order: {driver: kafka, kafka: {brokers: [" + nobody + "], unsafe_single_broker: true}}\n",
			map[string]doctor.State{"order.kafka.unsafe_single_broker": doctor.Warn, "order": doctor.Bad, "order.kafka.tls": ""},
		},
		{
			"brokers elsewhere", "order: {driver: kafka, kafka: {brokers: ['no.invalid:1']}}\n",
			map[string]doctor.State{"order.kafka.unsafe_single_broker": "", "order.kafka.tls": doctor.Warn, "order": doctor.Bad},
		},
		{
			"all away", "registry: {driver: etcd, etcd: {endpoints: ['http://127.0.0.1:1'], timeout: 100ms}}\n" +
				"store: {driver: cassandra, cassandra: {hosts: [" + nobody + "], keyspace: librum}}\nblob: {driver: ipfs, ipfs: {api: 'http://127.0.0.1:1'}}\n",
			map[string]doctor.State{"registry": doctor.Bad, "store": doctor.Bad, "blob": doctor.Bad, "store.cassandra.tls": "", "registry.etcd.tls": "", "blob.ipfs.api": ""},
		},
		{
			"etcd and kubo elsewhere", "registry: {driver: etcd, etcd: {endpoints: ['http://no.invalid:1'], timeout: 100ms}}\nblob: {driver: ipfs, ipfs: {api: 'http://no.invalid:1', timeout: 1s}}\n",
			map[string]doctor.State{"registry.etcd.tls": doctor.Warn, "blob.ipfs.api": doctor.Warn},
		},
		{
			"an index that is away", "search: {driver: elasticsearch, elasticsearch: {addresses: ['http://127.0.0.1:1'], timeout: 1s}}\n",
			map[string]doctor.State{"search": doctor.Bad, "search.elasticsearch.tls": ""},
		},
		{"an open password", "blob: {ipfs: {authorization_file: open-password}}\n", map[string]doctor.State{"secrets": doctor.Bad}},
		{
			"a certificate that is none", "mesh: {listen: '127.0.0.1:1', certificates: [genesis.cbor], authorities: [none.pem]}\n",
			map[string]doctor.State{"certificate": doctor.Bad, "mesh.revoked": doctor.Warn},
		},
	} {
		node := "node-0"
		if c.name == "another directory" {
			node = "node-7"
		}
		text := "dir: " + node + "\nchain: " + chain.String() + "\n" + c.text
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		checks, err := doctor.Config(t.Context(), path, time.Now(), nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		have := map[string]doctor.State{}
		for _, each := range checks {
			have[each.Name] = each.State
			if strings.Contains(each.Message, "secret\n") || each.State != doctor.OK && each.Fix == "" {
				t.Errorf("%s: %+v", c.name, each)
			}
		}
		for name, want := range c.want {
			if have[name] != want {
				t.Errorf("%s: %s is %q, want %q of %+v", c.name, name, have[name], want, checks)
			}
		}
	}
	if _, err := doctor.Config(t.Context(), path+"x", time.Now(), nil); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
}
