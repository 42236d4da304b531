package keyfile

import (
	"strings"
	"testing"
)

func TestParseURI(t *testing.T) {
	t.Parallel()
	u, err := parseURI("pkcs11:token=a%20b;object=c%3bd;id=%01;type=private?module-path=/m.so&pin-source=file:/p")
	want := tokenURI{token: "a b", object: "c;d", id: "\x01", module: "/m.so", pin: "/p"}
	if err != nil || *u != want {
		t.Errorf("%+v, %v; want %+v", u, err, want)
	}
	for _, s := range []string{
		"", "pkcs11:", "http:token=a", "pkcs11:token=a?module-path=/m", "pkcs11:object=a?module-path=/m",
		"pkcs11:token=a;object=b", "pkcs11:token=a;object=b?module-path=m", "pkcs11:token=a;token=b;object=c?module-path=/m",
		"pkcs11:token=%;object=b?module-path=/m", "pkcs11:token=a;object=b;x=y?module-path=/m", "pkcs11:token=a;object=b;type=cert?module-path=/m",
		"pkcs11:token=a;object=b?module-path=/m&pin-value=1234", "pkcs11:token=a;object=b;pin-value=1234?module-path=/m",
		"pkcs11:token=a;object=b?module-path=/m&pin-source=http://1234", "pkcs11:token=a;object=b?module-path=/m&x=1234",
		"pkcs11:token=" + strings.Repeat("a", maxURIBytes) + ";object=b?module-path=/m",
	} {
		if u, err := parseURI(s); err == nil || strings.Contains(err.Error(), "1234") {
			t.Errorf("%s: %+v, %v", s, u, err)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("pkcs11:token=a%20b;object=c;id=%01?module-path=/m.so&pin-source=file:/p")
	f.Add("pkcs11:token=a;object=b?module-path=/m&pin-value=1")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseURI(s)
		if err == nil && (u.token+u.serial == "" || u.object+u.id == "" || u.module[0] != '/') {
			t.Fatalf("%+v", u)
		}
	})
}
