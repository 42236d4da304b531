package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/localnet"
)

// How long the certificate of a development server holds, and how long before
// its end the next start makes a new one.
const (
	devCertLife  = 90 * 24 * time.Hour
	devCertRenew = 30 * 24 * time.Hour
)

// certify has the authority of the first organisation, in DIR/ca, made if it is
// missing, certify the server of a development network for localhost and
// loopback. It returns the paths of certificate and key.
func certify(ctx context.Context, dir localnet.Dir, passphrase *passphraseFlag) (certPath, keyPath string, err error) {
	genesis, chain, err := dir.LoadGenesis()
	if err != nil {
		return "", "", err
	}
	folder := filepath.Join(string(dir), "ca")
	settings := ca.Settings{Chain: chain, Shard: genesis.Shard, Organisation: genesis.Organisations[0].ID}
	if err := ca.Init(folder, settings, ca.Secrets{}, time.Now(), rand.Reader); err != nil && !errors.Is(err, ca.ErrExists) {
		return "", "", err
	}
	office, err := ca.Open(folder)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, office.Close()) }()
	authority, err := office.Authority(passphrase.ask, rand.Reader)
	if err != nil {
		return "", "", err
	}
	keyPath = filepath.Join(folder, "server-key")
	if _, err := os.Stat(keyPath); errors.Is(err, fs.ErrNotExist) { // like all keys of such a network not encrypted
		key, err := identity.NewKey(rand.Reader)
		if err == nil {
			err = keyfile.Write(keyPath, key, "")
		}
		if err != nil {
			return "", "", err
		}
	}
	key, err := keyfile.Load(keyPath, passphrase.ask)
	if err != nil {
		return "", "", err
	}
	request := cert.Request{
		Kind: cert.KindServer, Chain: chain, Shard: genesis.Shard, Organisation: settings.Organisation,
		DNS: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	text, err := request.MarshalRequest(key)
	if err != nil {
		return "", "", err
	}
	now := time.Now()
	if err := office.Publish(authority, now); err != nil { // a list that is out of date would have clients refuse the server
		return "", "", err
	}
	for _, r := range office.Records() {
		if r.Kind != cert.KindServer || r.Key != key.ID() || r.Status != ca.StatusApproved {
			continue
		}
		if r.Until.Sub(now) < devCertRenew {
			_, err = office.Renew(authority, ca.Renewal{ID: r.ID, Request: text, Life: devCertLife}, now)
		}
		return office.CertificatePath(r.ID), keyPath, err
	}
	records, err := office.Enrol(ctx, []ca.Applicant{{Kind: cert.KindServer, Name: "development server", Request: text}}, now, rand.Reader)
	if err != nil {
		return "", "", err
	}
	id := records[0].ID
	_, err = office.Approve(authority, []ca.Approval{{ID: id, Officer: officerOf(genesis, settings.Organisation)}}, devCertLife, now)
	return office.CertificatePath(id), keyPath, err
}

// officerOf returns the officer that a genesis names for the organisation.
func officerOf(g *ledger.Genesis, organisation ledger.ID) ledger.ID {
	for _, m := range g.Members {
		if m.Organisation == organisation && slices.Contains(m.Roles, identity.RoleOfficer) {
			return m.ID
		}
	}
	return ledger.ID{}
}
