package cert_test

import (
	"testing"
	"testing/fstest"
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
	file := func(b []byte) *fstest.MapFile { return &fstest.MapFile{Data: b} }
	all, err := cert.Expiries(fstest.MapFS{
		"ca/ca.pem": file(cert.Marshal(leaf, a.Certificate)), "ca/crl.pem": file(list), "ca/request.pem": file(requestText(t, cert.KindMember, key(2))),
		"ca/broken.pem": file([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), "empty.pem": file(nil),
		"node-0/key": file(cert.Marshal(leaf)), "z/long.pem": file(make([]byte, cert.MaxListBytes+1)),
	})
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
