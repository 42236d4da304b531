package identity_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hdevalence/ed25519consensus"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"pgregory.net/rapid"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing with them")

// verdict asks all verifiers and wants them to agree: ours, ours with a cache
// that is cold and then warm, ours in a batch, and the twin, another
// implementation of ZIP-215.
func verdict(tb interface {
	Helper()
	Fatalf(string, ...any)
}, v *identity.Verifier, key ledger.PublicKey, message []byte, signature [ledger.SignatureSize]byte,
) bool {
	tb.Helper()
	twin := ed25519consensus.Verify(key[:], message, signature[:])
	for name, got := range map[string]bool{
		"Verify":               identity.Verify(key, message, signature),
		"Verifier, first time": v.Verify(key, message, signature),
		"Verifier, again":      v.Verify(key, message, signature),
	} {
		if got != twin {
			tb.Fatalf("%s says %v, ed25519consensus says %v: key %x message %x signature %x", name, got, twin, key, message, signature)
		}
	}
	asked := identity.Signed{Key: key, Message: message, Signature: signature}
	good := honest([]byte("beside"))
	for name, list := range map[string][]identity.Signed{
		"alone":           {asked},
		"four times":      {asked, asked, asked, asked},
		"among good":      {good, good, asked, good, good},
		"last of a dozen": append(slices.Repeat([]identity.Signed{good}, 11), asked),
	} {
		for i, got := range v.VerifyAll(list, rand.NewChaCha8([32]byte(key))) {
			if want := twin || list[i].Key == good.Key; got != want {
				tb.Fatalf("in a batch, %s, number %d is %v, want %v: key %x message %x signature %x", name, i, got, want, key, message, signature)
			}
		}
	}
	return twin
}

// honest is a signature that holds.
func honest(message []byte) identity.Signed {
	key := identity.KeyFromSeed([32]byte{99})
	return identity.Signed{Key: key.Public(), Message: message, Signature: key.Sign(message)}
}

// TestVerifyAllNames: in a batch of any size each bad signature is named, and
// no other.
func TestVerifyAllNames(t *testing.T) {
	t.Parallel()
	v := identity.NewVerifier(16)
	if got := v.VerifyAll(nil, rand.NewChaCha8([32]byte{})); len(got) != 0 {
		t.Errorf("nothing has the verdicts %v", got)
	}
	rapid.Check(t, func(rt *rapid.T) {
		bad := rapid.SliceOfN(rapid.Bool(), 1, 40).Draw(rt, "bad")
		list := make([]identity.Signed, len(bad))
		for i := range list {
			key := identity.KeyFromSeed([32]byte{byte(i % 20)}) // more keys than the cache keeps
			list[i] = identity.Signed{Key: key.Public(), Message: []byte{byte(i)}}
			list[i].Signature = key.Sign(list[i].Message)
			if bad[i] {
				list[i].Signature[rapid.IntRange(0, 63).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			}
		}
		for i, valid := range v.VerifyAll(list, rand.NewChaCha8([32]byte{})) {
			if valid == bad[i] {
				rt.Fatalf("number %d of %v: valid %t", i, bad, valid)
			}
		}
	})
}

// TestZIP215 holds the 196 signatures of ZIP-215's test vectors: both points
// of small order in each of their 14 encodings, S = 0, over "Zcash". All are
// valid, and none of the keys may be enrolled.
func TestZIP215(t *testing.T) {
	t.Parallel()
	encodings := smallOrder(t)
	if len(encodings) != 14 {
		t.Fatalf("%d encodings of points of small order, want 14", len(encodings))
	}
	var text bytes.Buffer
	text.WriteString("# ZIP-215, test vectors: key | signature. The message is \"Zcash\", all are valid.\n")
	v := identity.NewVerifier(len(encodings))
	for _, key := range encodings {
		for _, nonce := range encodings {
			var signature [ledger.SignatureSize]byte
			copy(signature[:], nonce[:])
			if !verdict(t, v, key, []byte("Zcash"), signature) {
				t.Errorf("key %x, nonce %x: refused", key, nonce)
			}
			fmt.Fprintf(&text, "%x | %x\n", key, signature)
		}
		if err := identity.CheckEnrolment(key); !errors.Is(err, identity.ErrWeakKey) {
			t.Errorf("key %x may be enrolled: %v", key, err)
		}
	}
	path := filepath.Join("testdata", "zip215.golden")
	if *rewrite {
		if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read golden file: %v; go test -rewrite writes it", err)
	}
	if !bytes.Equal(text.Bytes(), want) {
		t.Error("the vectors made from the definition differ from the golden file")
	}
}

// fields reads the lines of a file of test vectors, fields apart by " | ".
func fields(t *testing.T, name string) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSuffix(line, "\n"); !strings.HasPrefix(line, "#") {
			all = append(all, strings.Split(line, " | "))
		}
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTamingTheManyEdDSAs(t *testing.T) {
	t.Parallel()
	cases := fields(t, "chalkias2020.txt")
	if len(cases) != 12 {
		t.Fatalf("%d cases, want 12", len(cases))
	}
	v := identity.NewVerifier(len(cases))
	for i, c := range cases {
		key, signature := ledger.PublicKey(unhex(t, c[2])), [ledger.SignatureSize]byte(unhex(t, c[3]))
		if got, want := verdict(t, v, key, unhex(t, c[1]), signature), c[0] == "valid"; got != want {
			t.Errorf("case %d, %s: valid %v, want %v", i, c[4], got, want)
		}
	}
}

// TestRFC8032 holds the vectors of RFC 8032 §7.1, made and checked.
func TestRFC8032(t *testing.T) {
	t.Parallel()
	cases := fields(t, "rfc8032.txt")
	if len(cases) != 4 {
		t.Fatalf("%d cases, want 4", len(cases))
	}
	v := identity.NewVerifier(len(cases))
	for _, c := range cases {
		key, message := identity.KeyFromSeed([32]byte(unhex(t, c[1]))), unhex(t, c[3])
		signature := [ledger.SignatureSize]byte(unhex(t, c[4]))
		if want := ledger.PublicKey(unhex(t, c[2])); key.Public() != want {
			t.Errorf("%s: public key %x, want %x", c[0], key.Public(), want)
		}
		if got := key.Sign(message); got != signature {
			t.Errorf("%s: signature %x, want %x", c[0], got, signature)
		}
		if !verdict(t, v, key.Public(), message, signature) {
			t.Errorf("%s: refused", c[0])
		}
		if err := identity.CheckEnrolment(key.Public()); err != nil {
			t.Errorf("%s: %v", c[0], err)
		}
	}
}

// TestVerdictsAgree asks ours and the twin about good signatures, crafted ones
// with torsion in key and nonce, and ones that are bent.
func TestVerdictsAgree(t *testing.T) {
	t.Parallel()
	encodings := smallOrder(t)
	v := identity.NewVerifier(8) // small, so that keys are pushed out too
	rapid.Check(t, func(t *rapid.T) {
		var a, r scalar.Scalar
		message := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "message")
		torsion := rapid.SampledFrom(encodings)
		if rapid.Bool().Draw(t, "a") { // else zero: the key has small order
			a.Set(wide(t, []byte{rapid.Byte().Draw(t, "key")}))
		}
		if rapid.Bool().Draw(t, "r") {
			r.Set(wide(t, []byte("nonce"), message))
		}
		key, signature := crafted(t, &a, &r, torsion.Draw(t, "torsion of the key"), torsion.Draw(t, "torsion of the nonce"), message)
		if !verdict(t, v, key, message, signature) {
			t.Fatalf("refused: key %x message %x signature %x", key, message, signature)
		}

		// S + L is the same number modulo L; accepting it would make signatures malleable.
		s := slices.Clone(signature[32:])
		slices.Reverse(s)
		longer := new(big.Int).Add(new(big.Int).SetBytes(s), order())
		if longer.BitLen() <= 256 {
			bent := signature
			longer.FillBytes(bent[32:])
			slices.Reverse(bent[32:])
			if verdict(t, v, key, message, bent) {
				t.Fatal("S + L is accepted")
			}
		}

		// Any bit, anywhere: whatever the verdict, all must say the same.
		bit := rapid.IntRange(0, 8*(32+64)-1).Draw(t, "bit")
		all := slices.Concat(key[:], signature[:])
		all[bit/8] ^= 1 << (bit % 8)
		verdict(t, v, ledger.PublicKey(all[:32]), message, [ledger.SignatureSize]byte(all[32:]))
	})
}

func TestCheckEnrolment(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := identity.KeyFromSeed([32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")))
		if err := identity.CheckEnrolment(key.Public()); err != nil {
			t.Fatal(err)
		}
	})
	// Every y in [p, 2^255) stands for a smaller one too, with either sign: 38
	// strings that are no point or not in canonical form.
	for offset := range int64(19) {
		for _, sign := range []byte{0, 0x80} {
			var key ledger.PublicKey
			new(big.Int).Add(prime, big.NewInt(offset)).FillBytes(key[:])
			slices.Reverse(key[:])
			key[31] |= sign
			if err := identity.CheckEnrolment(key); !errors.Is(err, identity.ErrWeakKey) {
				t.Errorf("y = p + %d, sign %#x: got %v, want ErrWeakKey", offset, sign, err)
			}
		}
	}
	// y = 2 is no point: (y² − 1)/(d·y² + 1) has no root.
	if err := identity.CheckEnrolment(ledger.PublicKey{2}); !errors.Is(err, identity.ErrWeakKey) || !strings.Contains(err.Error(), "not a point") {
		t.Errorf("y = 2: got %v, want ErrWeakKey", err)
	}
}

// TestVerifierIsShared has many goroutines over few places in the cache.
func TestVerifierIsShared(t *testing.T) {
	t.Parallel()
	v := identity.NewVerifier(2)
	message := []byte("message")
	done := make(chan bool)
	for n := range 8 {
		go func() {
			key := identity.KeyFromSeed([32]byte{byte(n % 4)})
			signature := key.Sign(message)
			ok := true
			for range 20 {
				ok = ok && v.Verify(key.Public(), message, signature) && !v.Verify(key.Public(), nil, signature)
			}
			done <- ok
		}()
	}
	for range 8 {
		if !<-done {
			t.Error("a verdict is wrong under load")
		}
	}
}

func TestVerifyEnvelope(t *testing.T) {
	t.Parallel()
	key, other := identity.KeyFromSeed([32]byte{1}), identity.KeyFromSeed([32]byte{2})
	e := ledger.Seal(ledger.KindClock, key.ID(), key.Sign, []byte("payload"))
	if !identity.VerifyEnvelope(key.Public(), &e, ledger.KindClock) {
		t.Error("a good envelope is refused")
	}
	for name, bad := range map[string]ledger.Envelope{
		"another payload": {Key: e.Key, Payload: []byte("Payload"), Signature: e.Signature},
		"another key id":  {Key: other.ID(), Payload: e.Payload, Signature: e.Signature},
		"no signature":    {Key: e.Key, Payload: e.Payload},
	} {
		if identity.VerifyEnvelope(key.Public(), &bad, ledger.KindClock) {
			t.Errorf("%s: accepted", name)
		}
	}
	if identity.VerifyEnvelope(key.Public(), &e, ledger.KindWake) || identity.VerifyEnvelope(other.Public(), &e, ledger.KindClock) {
		t.Error("another kind or key is accepted")
	}
}

func BenchmarkSign(b *testing.B) {
	key, message := identity.KeyFromSeed([32]byte{1}), make([]byte, 250)
	for b.Loop() {
		key.Sign(message)
	}
}

func BenchmarkVerify(b *testing.B) {
	key, message := identity.KeyFromSeed([32]byte{1}), make([]byte, 250)
	signature := key.Sign(message)
	public := key.Public()
	run := func(name string, verify func() bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !verify() {
					b.Fatal("refused")
				}
			}
		})
	}
	v := identity.NewVerifier(16)
	run("cached key", func() bool { return v.Verify(public, message, signature) })
	run("new key", func() bool { return identity.Verify(public, message, signature) })
	run("crypto/ed25519", func() bool { return ed25519.Verify(public[:], message, signature[:]) })
}

func BenchmarkVerifyAll(b *testing.B) {
	for _, n := range []int{1, 2, 3, 4, 8, 16, 64, 256, 1024} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			list, message := make([]identity.Signed, n), make([]byte, 250)
			for i := range list {
				key := identity.KeyFromSeed([32]byte{byte(i), byte(i >> 8), 1})
				list[i] = identity.Signed{Key: key.Public(), Message: message, Signature: key.Sign(message)}
			}
			v, random := identity.NewVerifier(n), rand.NewChaCha8([32]byte{})
			v.VerifyAll(list, random) // expands the keys
			for b.Loop() {
				v.VerifyAll(list, random)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/signature")
		})
	}
}
