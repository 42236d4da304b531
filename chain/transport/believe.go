package transport

import (
	"crypto/x509"
	"fmt"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/credentials"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/ledger"
)

// link is a connection, and what is known of the node at its other end.
type link struct {
	credentials.TLSInfo
	held atomic.Pointer[belief] // nil: nothing yet
}

// belief is that a node is the one whose certificates it shows. It is not changed.
type belief struct {
	id ledger.ID
	// The offset behind the record as of which the ledger says so, the authorities
	// that it names, the list of what was revoked, and how long the certificates
	// count by these two.
	next    uint64
	roots   []*x509.Certificate
	revoked *cert.Revoked
	span    cert.Span
}

// believe returns the node at the other end of a connection (invariant 1). Signatures
// are checked anew where the authorities, the list or the time are others than
// they were, and the ledger is read anew where it has another record.
func (t *Transport) believe(l *link) (ledger.ID, error) {
	of := t.ledger.Load()
	if of == nil {
		return ledger.ID{}, ErrNotRunning
	}
	now, held := t.config.Now(), l.held.Load()
	fresh := &belief{next: of.ledger.Next()} // before it is read: what is read is as new as that, or newer
	if t.config.Revoked != nil {
		fresh.revoked = t.config.Revoked()
	}
	lasts := held != nil && held.revoked == fresh.revoked && held.span.Holds(now)
	if lasts && held.next == fresh.next {
		return held.id, nil
	}
	shown := l.State.PeerCertificates
	id, key, err := leafOf(shown)
	if err != nil {
		return id, err
	}
	fresh.id = id
	err = of.view(func(state contract.Range, logTime int64) error {
		member, err := standing(state, id)
		if err != nil {
			return err
		}
		if member.Key != key {
			return ErrKey
		}
		fresh.roots, err = t.authorities(state, logTime, shown[1:], member.Organisation)
		return err
	})
	switch {
	case err != nil:
	case lasts && slices.Equal(held.roots, fresh.roots):
		fresh.span = held.span
	default:
		verifier := cert.Verifier{Chain: t.config.Chain, Roots: fresh.roots, Revoked: fresh.revoked}
		fresh.span, err = verifier.VerifySpan(shown, cert.KindNode, now)
	}
	if err != nil {
		return id, fmt.Errorf("node %s: %w", id.Short(), err)
	}
	l.held.Store(fresh)
	return id, nil
}

// standing returns a node of the group in force that may speak.
func standing(state contract.State, id ledger.ID) (ledger.GroupNode, error) {
	group, err := governance.Group(state)
	if err != nil {
		return ledger.GroupNode{}, err
	}
	member, ok := group.Find(id)
	if !ok {
		return member, ErrOutside
	}
	suspended, err := governance.IsSuspended(state, id)
	if err == nil && suspended {
		err = ErrSuspended
	}
	return member, err
}

// authorities returns those among the certificates that were shown which count
// for an organisation, and what is configured (invariant 2).
func (t *Transport) authorities(
	state contract.State, logTime int64, shown []*x509.Certificate, organisation ledger.ID,
) ([]*x509.Certificate, error) {
	if stands, err := governance.Stands(state, organisation); err != nil || !stands {
		return nil, err
	}
	var roots []*x509.Certificate
	for _, c := range shown {
		ca, listed, err := governance.LoadCA(state, ledger.Hash(c.Raw))
		if err != nil {
			return nil, err
		}
		if listed && ca.Organisation == organisation && ca.VouchesAt(logTime) {
			roots = append(roots, c)
		}
	}
	for _, c := range t.config.Anchors {
		of, _, _, err := cert.Identity(c)
		if err != nil || of != organisation {
			continue
		}
		_, listed, err := governance.LoadCA(state, ledger.Hash(c.Raw))
		if err != nil {
			return nil, err
		}
		if !listed { // else what the ledger says counts
			roots = append(roots, c)
		}
	}
	return roots, nil
}
