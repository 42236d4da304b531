package identity_test

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/librum/librum/chain/identity"
)

// device signs with a key that it keeps, or fails.
type device struct {
	crypto.Signer

	err   error
	short bool
}

func (d *device) Sign(random io.Reader, message []byte, options crypto.SignerOpts) ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	b, err := d.Signer.Sign(random, message, options)
	if d.short {
		b = b[:32]
	}
	return b, err
}

// TestSignerKey: a key that a device holds signs like one in memory; where the
// device fails, it is told, and the signature holds nowhere.
func TestSignerKey(t *testing.T) {
	t.Parallel()
	twin := identity.KeyFromSeed([32]byte{1})
	d := &device{Signer: twin.Signer()}
	var told []error
	key, err := identity.NewSignerKey(d, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	if key.ID() != twin.ID() || key.Sign(message) != twin.Sign(message) || len(told) > 0 {
		t.Errorf("it signs otherwise than its twin; told %v", told)
	}
	if _, err := key.MarshalPEM(); !errors.Is(err, identity.ErrHeld) {
		t.Errorf("written: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", key, key, *key, *key); !strings.Contains(text, "not shown") || strings.Contains(text, "device") {
		t.Errorf("printed as %s", text)
	}
	away := errors.New("the device is away")
	d.err = away
	if identity.Verify(key.Public(), message, key.Sign(message)) || len(told) != 1 || !errors.Is(told[0], away) {
		t.Errorf("a device that fails: told %v", told)
	}
	d.err, d.short = nil, true
	if identity.Verify(key.Public(), message, key.Sign(message)) || len(told) != 2 {
		t.Errorf("a device that signs half: told %v", told)
	}
}
