package etcd_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/etcd"
	"github.com/librum/librum/chain/registry/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	list := os.Getenv("LIBRUM_TEST_ETCD")
	if list == "" {
		t.Skip("LIBRUM_TEST_ETCD names no etcd; see make test-integration")
	}
	registrytest.Run(t, func(t testing.TB) func() registrytest.Handle {
		t.Helper()
		config := etcd.Config{Endpoints: strings.Split(list, ","), Prefix: "/librum-test/" + rand.Text() + "/"}
		return func() registrytest.Handle {
			r, err := etcd.Open(context.Background(), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := r.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			return r
		}
	})
}

// TestForeignKeys fills the prefix with more keys than a list has: they keep
// nobody from starting and from holding its own.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	list := os.Getenv("LIBRUM_TEST_ETCD")
	if list == "" {
		t.Skip("LIBRUM_TEST_ETCD names no etcd; see make test-integration")
	}
	config := etcd.Config{Endpoints: strings.Split(list, ","), Prefix: "/librum-test/" + rand.Text() + "/"}
	open := func() *etcd.Registry {
		r, err := etcd.Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	shut := func(r *etcd.Registry) {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	r := open()
	for i := range registry.MaxEntries + 1 {
		if _, err := r.Put(t.Context(), fmt.Sprintf("foreign/%d", i), nil, registry.Any); err != nil {
			t.Fatal(err)
		}
	}
	shut(r)
	r = open()
	defer shut(r)
	if _, err := r.Put(t.Context(), "nodes/a", []byte("own"), registry.Absent); err != nil {
		t.Error(err)
	}
	if entries, err := r.List(t.Context(), "nodes/"); err != nil || registrytest.Text(entries) != "nodes/a=own" {
		t.Errorf("list says %s, %v", registrytest.Text(entries), err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	_, err := etcd.Open(t.Context(), etcd.Config{Endpoints: []string{"http://127.0.0.1:1"}, Password: "secret", Timeout: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := etcd.Open(t.Context(), etcd.Config{}); err == nil {
		t.Error("no endpoint was taken")
	}
}

func Example() {
	ctx := context.Background()
	r, err := etcd.Open(ctx, etcd.Config{Endpoints: []string{"https://etcd-1.example:2379", "https://etcd-2.example:2379"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	entries, err := r.List(ctx, "nodes/")
	fmt.Println(registrytest.Text(entries), err, r.Close())
}
