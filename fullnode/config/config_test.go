package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/librum/librum/fullnode/config"
	"github.com/librum/librum/internal/durable"
)

const chain = "3f0c000000000000000000000000000000000000000000000000000000000000"

// TestDefaults holds invariant 4: the text and the code say the same, and the
// text names every field.
func TestDefaults(t *testing.T) {
	t.Parallel()
	text := strings.Replace(config.Defaults, `chain: ""`, "chain: "+chain, 1)
	got, err := config.Parse([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Chain = chain
	if !equal(got, want) {
		t.Errorf("the text means\n%+v\nthe code says\n%+v", got, want)
	}
	var missing []string
	each(reflect.TypeFor[config.Config](), func(name string) {
		if !strings.Contains(config.Defaults, name+":") {
			missing = append(missing, name)
		}
	})
	if len(missing) > 0 {
		t.Errorf("the text leaves out %v", missing)
	}
}

// equal compares, an empty list and none being the same.
func equal(a, b config.Config) bool {
	for _, c := range []*config.Config{&a, &b} {
		for _, list := range []*[]string{
			&c.Mesh.Certificates, &c.Mesh.Authorities, &c.Mesh.Revoked, &c.Registry.Etcd.Endpoints, &c.Order.Kafka.Brokers, &c.Store.Cassandra.Hosts,
			&c.Search.Elastic.Addresses,
		} {
			if len(*list) == 0 {
				*list = nil
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

func each(t reflect.Type, visit func(name string)) {
	for f := range t.Fields() {
		visit(f.Tag.Get("yaml"))
		if f.Type.Kind() == reflect.Struct {
			each(f.Type, visit)
		}
	}
}

// TestFiles tells what is wrong with each file of testdata, variables of the
// environment in its first lines included.
func TestFiles(t *testing.T) {
	t.Parallel()
	datadriven.RunTest(t, "testdata/files", func(_ *testing.T, d *datadriven.TestData) string {
		var environ []string
		var file strings.Builder
		for line := range strings.Lines(d.Input) {
			if strings.HasPrefix(line, config.EnvPrefix) {
				environ = append(environ, strings.TrimSpace(line))
			} else {
				file.WriteString(strings.ReplaceAll(line, "CHAIN", chain))
			}
		}
		if _, err := config.Parse([]byte(file.String()), environ); err != nil {
			return err.Error() + "\n"
		}
		return "ok\n"
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "node.yaml")
	text := "chain: " + chain + "\ndir: data\ngenesis: /srv/genesis.cbor\n" +
		"door: {listen: '127.0.0.1:1', certificate: door.pem, key: 'pkcs11:token=x'}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, []string{
		"LIBRUM_NODE_ORDER__DRIVER=kafka", "LIBRUM_NODE_ORDER__KAFKA__BROKERS=a:1,b:2", "LIBRUM_NODE_LIMITS__MARKER_DELAY=50ms",
		"LIBRUM_NODE_LIMITS__WINDOW=128", "LIBRUM_NODE_ORDER__KAFKA__UNSAFE_SINGLE_BROKER=true", "LIBRUM_TOKEN_FILE=x", "HOME=/",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []struct{ is, want any }{
		{c.Dir, filepath.Join(dir, "data")},
		{c.Store.Pebble.Dir, filepath.Join(dir, "data", "store")},
		{c.Genesis, "/srv/genesis.cbor"},
		{c.Door.Certificate, filepath.Join(dir, "door.pem")},
		{c.Door.Key, "pkcs11:token=x"},
		{c.Order.Driver, config.DriverKafka},
		{c.Order.Kafka.Brokers, []string{"a:1", "b:2"}},
		{c.Order.Kafka.UnsafeSingleBroker, true},
		{c.Limits.Window, 128},
		{c.Limits.MarkerDelay, 50 * time.Millisecond},
		{c.Store.Driver, config.DriverPebble}, // what nothing overrides stays
	} {
		if !reflect.DeepEqual(got.is, got.want) {
			t.Errorf("got %v, want %v", got.is, got.want)
		}
	}
	if _, err := config.Load(filepath.Join(dir, "none.yaml"), nil); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("# "+strings.Repeat("x", config.MaxBytes)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path, nil); !errors.Is(err, durable.ErrTooLarge) {
		t.Errorf("a file that is too long: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(config.Defaults), "LIBRUM_NODE_LIMITS__WINDOW=128")
	f.Add([]byte("chain: "+chain+"\norder: {driver: kafka, kafka: {brokers: ['[::1]:9092']}}\n"), "LIBRUM_NODE_ORDER__KAFKA=x")
	f.Add([]byte("mesh: {listen: ':0'}"), "LIBRUM_NODE_=")
	f.Add([]byte("blob: {driver: ipfs, ipfs: {api: 'http://u:p@h'}}"), "LIBRUM_NODE_LIMITS__MARKER_DELAY=1e9h")
	f.Fuzz(func(t *testing.T, b []byte, variable string) {
		c, err := config.Parse(b, []string{variable})
		if err != nil {
			return
		}
		// What was taken holds: its bounds, whatever the file was.
		if c.Limits.Window < 4 || c.Limits.MarkerDelay <= 0 || len(c.Chain) != len(chain) || len(c.Order.Kafka.Brokers) > 100 ||
			c.Order.Driver == config.DriverKafka && len(c.Order.Kafka.Brokers) == 0 {
			t.Errorf("%q was taken: %+v", b, c)
		}
	})
}
