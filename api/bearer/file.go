package bearer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// record is a token as its file holds it. One without a hash is gone; the file
// remembers its request.
type record struct {
	Version       int           `json:"version"`
	ID            ledger.ID     `json:"id"`
	Hash          string        `json:"hash,omitempty"` // SHA-256 of the secret
	Member        ledger.ID     `json:"member"`
	Name          string        `json:"name,omitempty"`
	Created       int64         `json:"created"` // ms
	Expiry        int64         `json:"expiry"`  // ms
	Key           string        `json:"key,omitempty"`
	Request       ledger.Digest `json:"request,omitzero"`
	RequestExpiry int64         `json:"request_expiry,omitempty"` // ms
}

const (
	fileVersion  = 1
	fileSuffix   = ".json"
	maxFileBytes = 4 << 10
)

// ErrDamaged tells that a file of the store holds what no node wrote.
var ErrDamaged = errors.New("damaged token file")

func encode(t *Token, hash Hash) (*record, error) {
	r := &record{
		Version: fileVersion, ID: t.ID, Hash: hex.EncodeToString(hash[:]), Member: t.Member, Name: t.Name,
		Created: t.Created.UnixMilli(), Expiry: t.Expiry.UnixMilli(), Request: t.Request,
	}
	if !t.Request.IsZero() {
		r.RequestExpiry = t.RequestExpiry.UnixMilli()
	}
	if t.Key != nil {
		pem, err := t.Key.MarshalPEM()
		if err != nil {
			return nil, err
		}
		r.Key = string(pem)
	}
	return r, nil
}

// decode returns the token of a record, and false where it is gone.
func (r *record) decode() (t Token, hash Hash, there bool, err error) {
	t = Token{
		ID: r.ID, Member: r.Member, Name: r.Name, Created: time.UnixMilli(r.Created), Expiry: time.UnixMilli(r.Expiry),
		Request: r.Request, RequestExpiry: time.UnixMilli(r.RequestExpiry),
	}
	if r.Hash == "" {
		return t, hash, false, nil
	}
	b, err := hex.DecodeString(r.Hash)
	if err != nil || len(b) != len(hash) {
		return t, hash, false, errors.New("no hash")
	}
	copy(hash[:], b)
	if r.Key != "" {
		if t.Key, err = identity.ParsePEM([]byte(r.Key)); err != nil {
			return t, hash, false, err
		}
	}
	return t, hash, true, nil
}

func (s *Store) path(id ledger.ID) string { return filepath.Join(s.dir, id.String()+fileSuffix) }

func (s *Store) write(r *record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return durable.WriteFile(s.path(r.ID), append(b, '\n'), 0o600)
}

// read reads one file. Its errors hold nothing of what it says.
func (s *Store) read(name string) (*record, error) {
	path := filepath.Join(s.dir, name)
	b, err := durable.ReadFile(path, maxFileBytes)
	if errors.Is(err, durable.ErrTooLarge) || errors.Is(err, durable.ErrNotRegular) {
		err = fmt.Errorf("%w: %w; move it away", ErrDamaged, err)
	}
	if err != nil {
		return nil, err
	}
	var r record
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || r.Version != fileVersion || r.ID.String()+fileSuffix != name {
		return nil, fmt.Errorf("%w: %s is no token of version %d under its own name; move it away", ErrDamaged, path, fileVersion)
	}
	return &r, nil
}

// load reads all files and drops those that nothing needs any more.
func (s *Store) load() error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.now()
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, durable.TempPrefix) || !strings.HasSuffix(name, fileSuffix) {
			continue
		}
		r, err := s.read(name)
		if err != nil {
			return err
		}
		t, hash, there, err := r.decode()
		if err != nil {
			return fmt.Errorf("%w: %s: %w; move it away", ErrDamaged, filepath.Join(s.dir, name), err)
		}
		if !there || !now.Before(t.Expiry) {
			if now.Before(t.RequestExpiry) {
				s.spend(&t)
				continue
			}
			if err := os.Remove(s.path(t.ID)); err != nil {
				return err
			}
			continue
		}
		s.add(t, hash)
	}
	return nil
}
