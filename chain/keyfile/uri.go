package keyfile

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// tokenURI names a key on a token, by RFC 7512.
type tokenURI struct {
	token  string // label
	serial string
	object string // label of the key
	id     string // of the key, bytes
	module string // path of the library that speaks to the token
	pin    string // path of a file with the PIN
}

const maxURIBytes = 4 << 10

// parseURI reads a URI such as
// pkcs11:token=librum;object=officer?module-path=/usr/lib/softhsm/libsofthsm2.so.
func parseURI(s string) (*tokenURI, error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok || len(s) > maxURIBytes {
		return nil, fmt.Errorf("read the URI of a token's key: want %sATTRIBUTES of at most %d bytes", scheme, maxURIBytes)
	}
	u := &tokenURI{}
	path, query, _ := strings.Cut(rest, "?")
	known := map[string]*string{"token": &u.token, "serial": &u.serial, "object": &u.object, "id": &u.id, "type": new(string)}
	if err := parseAttributes(path, ";", known); err != nil {
		return nil, err
	}
	if kind := *known["type"]; kind != "" && kind != "private" {
		return nil, fmt.Errorf("read the URI of a token's key: type is %q, want private", kind)
	}
	var source string
	known = map[string]*string{"module-path": &u.module, "pin-source": &source}
	if err := parseAttributes(query, "&", known); err != nil {
		return nil, err
	}
	if source != "" {
		if u.pin = strings.TrimPrefix(source, "file:"); u.pin == source && strings.Contains(source, ":") {
			return nil, errors.New("read the URI of a token's key: pin-source is no file")
		}
	}
	switch {
	case u.token == "" && u.serial == "":
		return nil, errors.New("read the URI of a token's key: name the token by token=LABEL or serial=NUMBER")
	case u.object == "" && u.id == "":
		return nil, errors.New("read the URI of a token's key: name the key by object=LABEL or id=BYTES")
	case !strings.HasPrefix(u.module, "/"):
		return nil, errors.New("read the URI of a token's key: give ?module-path= with the absolute path of the token's library")
	}
	return u, nil
}

// parseAttributes reads name=value pairs. What stands in a value is in no error:
// somebody may have put a PIN there (invariant 1).
func parseAttributes(text, separator string, known map[string]*string) error {
	for pair := range strings.SplitSeq(text, separator) {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if name == "pin-value" {
			return errors.New("read the URI of a token's key: a PIN has no place in it; use pin-source=file:PATH")
		}
		at, ok := known[name]
		if !ok || *at != "" {
			return fmt.Errorf("read the URI of a token's key: attribute %.20q is not known here, or stands there twice", name)
		}
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return fmt.Errorf("read the URI of a token's key: the value of %s has a bad escape", name)
		}
		*at = decoded
	}
	return nil
}
