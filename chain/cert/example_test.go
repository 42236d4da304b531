package cert_test

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func Example() {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	random := rand.NewChaCha8([32]byte{}) // crypto/rand.Reader in earnest
	chain, organisation, member := ledger.Digest{1}, ledger.ID{2}, ledger.ID{3}
	caKey, memberKey := identity.KeyFromSeed([32]byte{1}), identity.KeyFromSeed([32]byte{2})

	root, _ := cert.NewRoot(cert.Root{
		Chain: chain, Organisation: organisation, Generation: 1, From: now, Until: now.AddDate(10, 0, 0),
	}, caKey, random)
	authority, _ := cert.NewAuthority(root, caKey, random)

	asked := cert.Request{Kind: cert.KindMember, Chain: chain, Organisation: organisation, ID: member}
	text, _ := asked.MarshalRequest(memberKey)

	request, err := cert.ParseRequest(text, cert.KindMember, chain, 0, organisation)
	if err != nil {
		fmt.Println(err)
		return
	}
	certificate, _ := authority.Issue(request, now, now.AddDate(1, 0, 0))
	v := cert.Verifier{Chain: chain, Roots: []*x509.Certificate{root}}
	fmt.Println(v.Verify([]*x509.Certificate{certificate}, cert.KindMember, now))
	v.Chain = ledger.Digest{9}
	fmt.Println(v.Verify([]*x509.Certificate{certificate}, cert.KindMember, now))
	// Output:
	// <nil>
	// the certificate is for another chain: 01000000, this is 09000000
}
