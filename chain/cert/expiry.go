package cert

import (
	"encoding/pem"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/librum/librum/internal/durable"
)

// Expiry says when what a file holds ends.
type Expiry struct {
	Path  string
	List  bool // a list of revoked certificates
	Until time.Time
	Err   error // why the file can't be read
}

// Expiries returns when the certificates and lists of revoked ones in the files
// named *.pem, *.crt or *.cert below a folder end, in the order of their paths. Other files and
// other kinds of PEM are passed over.
func Expiries(root *os.Root) ([]Expiry, error) {
	var all []Expiry
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() || !slices.Contains([]string{".pem", ".crt", ".cert"}, strings.ToLower(path.Ext(name))) {
			return nil
		}
		found, wrong := expiriesOf(root, name)
		if wrong != nil {
			found = append(found, Expiry{Path: name, Err: wrong})
		}
		all = append(all, found...)
		return nil
	})
	return all, err
}

func expiriesOf(root *os.Root, name string) ([]Expiry, error) {
	text, err := durable.ReadIn(root, name, MaxListBytes)
	if err != nil {
		return nil, err
	}
	return expiriesIn(name, text)
}

// ExpiriesOf is [Expiries] for one file, whatever it is called.
func ExpiriesOf(path string) ([]Expiry, error) {
	text, err := durable.ReadFile(path, MaxListBytes)
	if err != nil {
		return nil, err
	}
	return expiriesIn(path, text)
}

func expiriesIn(name string, text []byte) (all []Expiry, err error) {
	block, _ := pem.Decode(text)
	switch {
	case block == nil:
	case block.Type == typeCertificate:
		certificates, err := ParseCertificates(text)
		if err != nil {
			return nil, err
		}
		for _, c := range certificates {
			all = append(all, Expiry{Path: name, Until: c.NotAfter})
		}
	case block.Type == typeRevocation:
		list, err := parseList(block)
		if err != nil {
			return nil, err
		}
		all = append(all, Expiry{Path: name, List: true, Until: list.NextUpdate})
	}
	return all, nil
}
