package ca

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"slices"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Approval is an officer's yes to a record.
type Approval struct {
	ID          ledger.ID
	Officer     ledger.ID
	Transaction ledger.Digest // that enrolled the member; zero for nodes and servers
}

// Approve certifies records that wait for it. Members are on the ledger by then
// (invariant 6).
func (o *Office) Approve(authority *cert.Authority, approvals []Approval, life time.Duration, now time.Time) ([]*Record, error) {
	changed := make([]*Record, len(approvals))
	certificates := make([][]byte, len(approvals))
	for i, a := range approvals {
		record, err := o.Record(a.ID)
		if err != nil {
			return nil, err
		}
		if record.Status != StatusPending {
			return nil, fmt.Errorf("%w: %s is %s", ErrStatus, a.ID, record.Status)
		}
		after := *record
		after.Status, after.Officer, after.Transaction, after.Approved = StatusApproved, a.Officer, a.Transaction, now
		if certificates[i], err = o.issue(authority, &after, life, now); err != nil {
			return nil, err
		}
		changed[i] = &after
	}
	return changed, o.hand(changed, certificates)
}

// Renewal is a certificate that is to be made again.
type Renewal struct {
	ID       ledger.ID
	Request  []byte // the new one, as text
	Withdraw bool   // the older certificate
	// Expiry is when the member expires, as the ledger says by then, which the
	// certificate does not outlive; zero for none.
	Expiry time.Time
	Life   time.Duration // of the certificate
}

// Renew certifies an approved record again, for the key of a new request. The
// older certificate holds until it ends, so that nothing fails meanwhile, unless
// it is withdrawn.
func (o *Office) Renew(authority *cert.Authority, r Renewal, now time.Time) (*Record, error) {
	id := r.ID
	record, err := o.Record(id)
	if err != nil {
		return nil, err
	}
	if record.Status != StatusApproved {
		return nil, fmt.Errorf("%w: %s is %s", ErrStatus, id, record.Status)
	}
	after := *record
	after.Request, after.asked, after.Expiry = string(r.Request), nil, r.Expiry
	request, err := o.request(&after)
	if err != nil {
		return nil, err
	}
	if record.Kind != cert.KindServer && request.ID != id {
		return nil, fmt.Errorf("the request is that of %s, not of %s", request.ID, id)
	}
	after.Key = request.Key.ID()
	if owner, known := o.register.keys[after.Key]; known && owner != id {
		return nil, fmt.Errorf("%w: the key is that of %s", ErrExists, owner)
	}
	older := Older{Serial: record.Serial, Until: record.Until}
	if r.Withdraw {
		older.Withdrawn = now
	}
	after.Older = append(slices.Clone(record.Older), older)
	certificate, err := o.issue(authority, &after, r.Life, now)
	if err != nil {
		return nil, err
	}
	return &after, o.hand([]*Record{&after}, [][]byte{certificate})
}

// issue makes the certificate of a record, with those that lead to older keys of
// the authority.
func (o *Office) issue(authority *cert.Authority, record *Record, life time.Duration, now time.Time) ([]byte, error) {
	request, err := o.request(record)
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", record.ID, err)
	}
	until := now.Add(life)
	if !record.Expiry.IsZero() && record.Expiry.Before(until) {
		until = record.Expiry
	}
	c, err := authority.Issue(request, now, until)
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", record.ID, err)
	}
	record.Serial, record.Until = c.SerialNumber.Text(16), c.NotAfter
	return cert.Marshal(append([]*x509.Certificate{c}, o.cross...)...), nil
}

// CertificatePath is where a record's certificate lies.
func (o *Office) CertificatePath(id ledger.ID) string { return o.dir.certificate(id) }

// RootsPath is where the certificates lie that others are to trust.
func (o *Office) RootsPath() string { return o.dir.roots() }

// Revoke ends a record and everything it was certified for; what is not
// approved yet is turned down.
func (o *Office) Revoke(authority *cert.Authority, id ledger.ID, reason string, now time.Time) (*Record, error) {
	record, err := o.Record(id)
	if err != nil {
		return nil, err
	}
	if record.Status == StatusRevoked {
		return nil, fmt.Errorf("%w: %s is revoked", ErrStatus, id)
	}
	if err := checkText("reason", reason, MaxReasonBytes); err != nil {
		return nil, err
	}
	after := *record
	after.Status, after.Revoked, after.Reason = StatusRevoked, now, reason
	if err := o.register.save(&after); err != nil {
		return nil, err
	}
	return &after, o.Publish(authority, now)
}

// Publish writes the list of revoked certificates anew.
func (o *Office) Publish(authority *cert.Authority, now time.Time) error {
	var list []cert.Revocation
	for _, record := range o.Records() {
		for _, c := range append(slices.Clone(record.Older), Older{Serial: record.Serial, Until: record.Until}) {
			at := c.Withdrawn
			if at.IsZero() {
				at = record.Revoked
			}
			if c.Serial == "" || at.IsZero() || c.Until.Before(now) {
				continue // never issued, not revoked, or ended by itself
			}
			serial, ok := new(big.Int).SetString(c.Serial, 16)
			if !ok {
				return fmt.Errorf("record %s: %q is no serial number", record.ID, c.Serial)
			}
			list = append(list, cert.Revocation{Serial: serial, At: at})
		}
	}
	return o.writeList(authority, list, now)
}

// writeList writes the list and the settings, which count it.
func (o *Office) writeList(authority *cert.Authority, list []cert.Revocation, now time.Time) error {
	text, err := authority.Revoke(list, o.Settings.List+1, now, now.Add(ListLife))
	if err != nil {
		return err
	}
	o.Settings.List++
	if err := durable.WriteFile(o.dir.revoked(), text, 0o644); err != nil {
		return fmt.Errorf("write the list of revoked certificates: %w", err)
	}
	return o.writeSettings()
}

// Rotate gives the authority a new key. Its certificate is vouched for by the
// old key, so that whoever trusts that one believes what the new one issues; and
// the old certificate stays among those to trust, for what it has issued.
func (o *Office) Rotate(old *cert.Authority, secrets Secrets, now time.Time, random io.Reader) error {
	s := o.Settings
	s.Generation++
	// Left behind by a rotation that was cut off.
	if err := os.Remove(o.dir.key(s.Generation)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root, key, err := newRoot(o.dir, s, secrets, now, random)
	if err != nil {
		return err
	}
	cross, err := old.Vouch(root)
	if err != nil {
		return err
	}
	next, err := cert.NewAuthority(root, key, random)
	if err != nil {
		return err
	}
	o.Roots = slices.Insert(slices.Clone(o.Roots), 0, root)
	o.cross = slices.Insert(slices.Clone(o.cross), 0, cross)
	if err := o.writeCertificates(); err != nil {
		return err
	}
	o.Settings = s
	return o.Publish(next, now) // writes the settings
}

func parseNetworks(list []string) ([]*net.IPNet, error) {
	all := make([]*net.IPNet, 0, len(list))
	for _, s := range list {
		_, network, err := net.ParseCIDR(s)
		if err != nil {
			return nil, fmt.Errorf("network: %w", err)
		}
		all = append(all, network)
	}
	return all, nil
}
