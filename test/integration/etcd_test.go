package integration_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/librum/librum/chain/registry"
	"github.com/librum/librum/chain/registry/etcd"
	"github.com/librum/librum/chain/registry/registrytest"
)

// TestEtcdLosesMembers kills each of three members in turn: what is held stays,
// putting goes on, and a watcher sees what comes.
func TestEtcdLosesMembers(t *testing.T) {
	endpoints := addresses(t, "LIBRUM_TEST_ETCD")
	r, err := etcd.Open(t.Context(), etcd.Config{Endpoints: endpoints, Prefix: "/librum-broken/" + rand.Text() + "/"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	held := make(chan error, 1)
	holdCtx, stop := context.WithCancel(ctx)
	go func() { held <- r.Hold(holdCtx, "nodes/a", []byte("here"), 10*time.Second) }()
	seen := make(chan string, 1000)
	watched := make(chan error, 1)
	watchCtx, endWatch := context.WithCancel(ctx)
	go func() {
		watched <- r.Watch(watchCtx, "", func(entries []registry.Entry) error {
			seen <- registrytest.Text(entries)
			return nil
		})
	}()
	for i := range endpoints {
		member := server(fmt.Sprint("etcd-", i+1))
		member.kill(t)
		killed := time.Now()
		var revision uint64
		for revision == 0 { // the member that took the request may be the one that died
			revision, err = r.Put(ctx, "counter", fmt.Append(nil, i), registry.Any)
			if err != nil && ctx.Err() != nil {
				t.Fatal(err)
			}
		}
		want := fmt.Sprintf("counter=%d nodes/a=here", i)
		for got := ""; got != want; {
			select {
			case got = <-seen:
			case err := <-watched:
				t.Fatalf("watch ended with %s killed: %v", member, err)
			case err := <-held:
				t.Fatalf("hold ended with %s killed: %v", member, err)
			case <-ctx.Done():
				t.Fatalf("saw %q last, want %q", got, want)
			}
		}
		t.Logf("with %s killed, what was put was seen after %s", member, time.Since(killed).Round(time.Millisecond))
		member.run(t)
		awaitMember(ctx, t, endpoints[i])
	}
	stop()
	endWatch()
	if err := <-held; err != nil {
		t.Errorf("the end of the hold: %v", err)
	}
	if err := <-watched; !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the watch: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// awaitMember waits until a member answers by itself.
func awaitMember(ctx context.Context, t testing.TB, endpoint string) {
	t.Helper()
	for {
		r, err := etcd.Open(ctx, etcd.Config{Endpoints: []string{endpoint}, Prefix: "/librum-broken/", Timeout: time.Second})
		if err == nil {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("wait for %s: %v", endpoint, err)
		}
	}
}
