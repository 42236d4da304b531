package ca

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Settings are what an office is for.
type Settings struct {
	Chain        ledger.Digest `json:"chain"`
	Shard        uint32        `json:"shard"`
	Organisation ledger.ID     `json:"organisation"`
	Generation   int           `json:"generation"` // of the authority's key
	Recipient    string        `json:"recipient"`  // age recipient of evidence
	List         int64         `json:"list"`       // number of the newest list of revoked certificates
	DNS          []string      `json:"dns,omitempty"`
	Networks     []string      `json:"networks,omitempty"` // CIDR
}

// How long an authority's key and a list of revoked certificates hold.
const (
	RootLife = 10 * 365 * 24 * time.Hour
	ListLife = 90 * 24 * time.Hour
)

const maxSettingsBytes = 1 << 20

// Why an office can't be opened.
var (
	ErrNoOffice = errors.New("no certificate authority here; make one with librum ca init")
	ErrExists   = errors.New("the directory holds a certificate authority already")
	ErrInUse    = errors.New("another command works in this directory; try again when it has ended")
	ErrNoRecord = errors.New("not in the register")
	ErrStatus   = errors.New("the record's status does not allow that")
)

// Office is an open directory. It is for one goroutine.
type Office struct {
	Settings Settings
	Roots    []*x509.Certificate // trusted, the newest first

	dir      dir
	lock     io.Closer
	cross    []*x509.Certificate
	register *register
}

// Secrets open and lock an office's keys.
type Secrets struct {
	Passphrase string // of the files that are written; empty: they are not encrypted
	KeyURI     string // of the authority's key on a token, instead of a file; empty: none
	Ask        keyfile.Ask
}

// Init makes the office of an organisation. Settings are filled in; what is
// left behind by an Init that was cut off is no office and is replaced.
func Init(path string, s Settings, secrets Secrets, now time.Time, random io.Reader) (err error) {
	d := dir(path)
	if _, err := os.Stat(d.settings()); err == nil {
		return fmt.Errorf("%w: %s", ErrExists, path)
	}
	for _, folder := range []string{path, d.evidenceFolder(), d.certificates()} {
		if err := makeFolder(folder); err != nil {
			return err
		}
	}
	lock, err := take(d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	for _, left := range []string{d.key(1), d.evidenceKey(), d.register()} {
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.Generation, s.List = 1, 0
	root, key, err := newRoot(d, s, secrets, now, random)
	if err != nil {
		return err
	}
	evidence, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("make the key of evidence: %w", err)
	}
	s.Recipient = evidence.Recipient().String()
	text := []byte(evidence.String() + "\n")
	if secrets.Passphrase != "" {
		if text, err = keyfile.Encrypt(text, secrets.Passphrase); err != nil {
			return err
		}
	}
	if err := durable.WriteFile(d.evidenceKey(), text, 0o600); err != nil {
		return fmt.Errorf("write the key of evidence: %w", err)
	}
	if err := durable.WriteFile(d.register(), nil, 0o600); err != nil {
		return fmt.Errorf("write the register: %w", err)
	}
	o := &Office{Settings: s, Roots: []*x509.Certificate{root}, dir: d}
	authority, err := cert.NewAuthority(root, key, random)
	if err != nil {
		return err
	}
	if err := o.writeCertificates(); err != nil {
		return err
	}
	return o.writeList(authority, nil, now) // writes the settings, last
}

// newRoot makes a key, or takes that of a token, and its certificate.
func newRoot(d dir, s Settings, secrets Secrets, now time.Time, random io.Reader) (*x509.Certificate, *identity.Key, error) {
	var key *identity.Key
	var err error
	if secrets.KeyURI == "" {
		if key, err = identity.NewKey(random); err == nil {
			err = keyfile.Write(d.key(s.Generation), key, secrets.Passphrase)
		}
	} else {
		if key, err = keyfile.Load(secrets.KeyURI, secrets.Ask); err == nil {
			err = durable.WriteFile(d.key(s.Generation), []byte(secrets.KeyURI+"\n"), 0o600)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make the authority's key: %w", err)
	}
	networks, err := parseNetworks(s.Networks)
	if err != nil {
		return nil, nil, err
	}
	root, err := cert.NewRoot(cert.Root{
		Chain: s.Chain, Organisation: s.Organisation, Generation: s.Generation, DNS: s.DNS, IPs: networks,
		From: now, Until: now.Add(RootLife),
	}, key, random)
	return root, key, err
}

func take(d dir) (io.Closer, error) {
	lock, err := vfs.Default.Lock(d.lock())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	}
	return lock, nil
}

// Open opens an office.
func Open(path string) (_ *Office, err error) {
	d := dir(path)
	b, err := durable.ReadFile(d.settings(), maxSettingsBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoOffice, path)
	}
	if err != nil {
		return nil, err
	}
	o := &Office{dir: d}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o.Settings); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.settings(), err)
	}
	if o.lock, err = take(d); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.lock.Close())
		}
	}()
	if o.Roots, err = readCertificates(d.roots()); err != nil {
		return nil, err
	}
	if o.cross, err = readCertificates(d.cross()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if o.register, err = openRegister(d.register()); err != nil {
		return nil, err
	}
	if err := o.recover(); err != nil {
		return nil, errors.Join(err, o.register.close())
	}
	return o, nil
}

// Close gives the directory back.
func (o *Office) Close() error { return errors.Join(o.register.close(), o.lock.Close()) }

// Authority opens the key that issues.
func (o *Office) Authority(ask keyfile.Ask, random io.Reader) (*cert.Authority, error) {
	key, err := keyfile.Load(o.dir.key(o.Settings.Generation), ask)
	if err != nil {
		return nil, err
	}
	// A rotation that was cut off may have left a newer certificate behind.
	for _, root := range o.Roots {
		if _, public, _, err := cert.Identity(root); err == nil && public == key.Public() {
			return cert.NewAuthority(root, key, random)
		}
	}
	return nil, fmt.Errorf("none of the certificates in %s is that of the authority's key", o.dir.roots())
}

func readCertificates(path string) ([]*x509.Certificate, error) {
	b, err := durable.ReadFile(path, cert.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	all, err := cert.ParseCertificates(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// writeCertificates writes what others are to trust.
func (o *Office) writeCertificates() error {
	if len(o.cross) > 0 {
		if err := durable.WriteFile(o.dir.cross(), cert.Marshal(o.cross...), 0o644); err != nil {
			return err
		}
	}
	return durable.WriteFile(o.dir.roots(), cert.Marshal(o.Roots...), 0o644)
}

func (o *Office) writeSettings() error {
	b, err := json.MarshalIndent(o.Settings, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(o.dir.settings(), append(b, '\n'), 0o600)
}
