package identity_test

import (
	"fmt"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// A key signs an envelope; whoever knows the public key checks it. Printing the
// key shows its id alone.
func Example() {
	key := identity.KeyFromSeed([32]byte{1}) // NewKey takes a source of randomness
	envelope := ledger.Seal(ledger.KindReceipt, key.ID(), key.Sign, []byte("payload"))

	fmt.Println(key)
	fmt.Println(identity.VerifyEnvelope(key.Public(), &envelope, ledger.KindReceipt))
	fmt.Println(identity.VerifyEnvelope(key.Public(), &envelope, ledger.KindTransaction))
	// Output:
	// private key fa4d86c3 (not shown)
	// true
	// false
}

// A key of small order signs anything with the same bytes, so it may not be
// enrolled.
func ExampleCheckEnrolment() {
	fmt.Println(identity.CheckEnrolment(identity.KeyFromSeed([32]byte{1}).Public()))
	fmt.Println(identity.CheckEnrolment(ledger.PublicKey{1}))
	// Output:
	// <nil>
	// public key is not fit for enrolment: 01d0fabd has small order
}

// The verifier of a busy node keeps the expanded form of the keys it meets.
func ExampleVerifier() {
	verifier := identity.NewVerifier(1024)
	key := identity.KeyFromSeed([32]byte{1})
	fmt.Println(verifier.Verify(key.Public(), []byte("message"), key.Sign([]byte("message"))))
	fmt.Println(verifier.Verify(key.Public(), []byte("massage"), key.Sign([]byte("message"))))
	// Output:
	// true
	// false
}
