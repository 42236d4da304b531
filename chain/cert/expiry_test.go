package cert_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/librum/librum/chain/cert"
)

func TestExpiries(t *testing.T) {
	t.Parallel()
	a := authority(t, root(1), key(1))
	leaf := issued(t, a, cert.KindMember, key(2))
	list, err := a.Revoke(nil, 1, now, now.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"ca/ca.pem": cert.Marshal(leaf, a.Certificate), "ca/crl.pem": list, "ca/request.pem": requestText(t, cert.KindMember, key(2)),
		"ca/broken.pem": []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "empty.pem": nil,
		"node-0/key": cert.Marshal(leaf), "z/long.pem": make([]byte, cert.MaxListBytes+1),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.pem"), 0o600); err != nil { // passed over, and not waited for
		t.Fatal(err)
	}
	folder, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	all, err := cert.Expiries(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		path  string
		until time.Time
		bad   bool
	}{
		{"ca/broken.pem", time.Time{}, true},
		{"ca/ca.pem", leaf.NotAfter, false},
		{"ca/ca.pem", a.Certificate.NotAfter, false},
		{"ca/crl.pem", now.AddDate(0, 1, 0), false},
		{"z/long.pem", time.Time{}, true},
	}
	if len(all) != len(want) {
		t.Fatalf("%+v, want %d", all, len(want))
	}
	for i, w := range want {
		if e := all[i]; e.Path != w.path || !e.Until.Equal(w.until) || (e.Err != nil) != w.bad {
			t.Errorf("%d: %+v, want %+v", i, e, w)
		}
	}
}
