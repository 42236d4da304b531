package ca_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

func Example() {
	parent, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(parent) }()
	dir, now := filepath.Join(parent, "ca"), time.Now()
	settings := ca.Settings{Chain: ledger.Digest{1}, Organisation: ledger.ID{2}}
	if err := ca.Init(dir, settings, ca.Secrets{}, now, rand.Reader); err != nil {
		fmt.Println(err)
		return
	}
	office, err := ca.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = office.Close() }()

	asked := cert.Request{Kind: cert.KindMember, Chain: ledger.Digest{1}, Organisation: ledger.ID{2}, ID: ledger.ID{3}}
	request, _ := asked.MarshalRequest(identity.KeyFromSeed([32]byte{1}))
	records, err := office.Enrol(context.Background(), []ca.Applicant{{
		Kind: cert.KindMember, Name: "A person", Roles: []string{"member"}, Request: request,
		Documents: []ca.Document{{Name: "passport.pdf", Content: []byte("…")}},
	}}, now, rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(records[0].ID.Short(), records[0].Status, len(records[0].Evidence))
	// Output: 03000000 pending 1
}
