package bearer_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/librum/librum/api/bearer"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// keeper is a store over a clock of its own.
type keeper struct {
	testing.TB

	dir   string
	at    time.Time
	store *bearer.Store
}

func newKeeper(t testing.TB) *keeper {
	t.Helper()
	k := &keeper{TB: t, dir: filepath.Join(t.TempDir(), "tokens"), at: time.UnixMilli(1_700_000_000_000)}
	k.open()
	return k
}

func (k *keeper) open() {
	k.Helper()
	store, err := bearer.Open(k.dir, func() time.Time { return k.at })
	if err != nil {
		k.Fatal(err)
	}
	k.store = store
}

// token makes a token of a member that lives an hour.
func (k *keeper) token(member byte, signs bool, request byte) (bearer.Token, string) {
	k.Helper()
	secret, id, err := bearer.Draw(rand.Reader)
	if err != nil {
		k.Fatal(err)
	}
	t := bearer.Token{ID: id, Member: ledger.ID{member}, Name: "of a test", Created: k.at, Expiry: k.at.Add(time.Hour)}
	if signs {
		if t.Key, err = identity.NewKey(rand.Reader); err != nil {
			k.Fatal(err)
		}
	}
	if request != 0 {
		t.Request, t.RequestExpiry = ledger.Digest{request}, k.at.Add(time.Minute)
	}
	return t, secret
}

func TestTokensOutliveARestart(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	want, secret := k.token(1, true, 9)
	if err := k.store.Put(want, secret); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, ok := k.store.Find(secret)
		if !ok || got.ID != want.ID || got.Member != want.Member || got.Key.ID() != want.Key.ID() || !got.Expiry.Equal(want.Expiry) {
			t.Errorf("found %t %+v, want %+v", ok, got, want)
		}
		if _, ok := k.store.Find(secret + "x"); ok {
			t.Error("another secret finds it too")
		}
		k.open()
	}
	files, err := filepath.Glob(filepath.Join(k.dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil || strings.Contains(string(b), secret) || strings.Contains(string(b), secret[4:]) {
		t.Errorf("the file holds the secret, or %v", err)
	}
	k.at = want.Expiry
	if _, ok := k.store.Find(secret); ok {
		t.Error("found after its expiry")
	}
	k.open()
	if left, _ := filepath.Glob(filepath.Join(k.dir, "*")); len(left) != 0 || len(k.store.List(ledger.ID{})) != 0 {
		t.Errorf("after its expiry files %v stay", left)
	}
}

func TestRequestsCountOnce(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	first, secret := k.token(1, false, 5)
	if err := k.store.Put(first, secret); err != nil {
		t.Fatal(err)
	}
	again := func(want error) {
		t.Helper()
		token, secret := k.token(1, false, 5)
		if err := k.store.Put(token, secret); !errors.Is(err, want) {
			t.Errorf("the request once more: %v, want %v", err, want)
		}
	}
	again(bearer.ErrReplayed)
	k.open()
	again(bearer.ErrReplayed)
	if err := k.store.Revoke(first.ID); err != nil {
		t.Fatal(err)
	}
	again(bearer.ErrReplayed)
	k.open()
	again(bearer.ErrReplayed)
	if _, ok := k.store.Find(secret); ok {
		t.Error("found after it was revoked")
	}
	k.at = k.at.Add(2 * time.Minute) // the door refuses it now
	again(nil)
	if err := k.store.Revoke(first.ID); !errors.Is(err, bearer.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
}

func TestDamageIsNamed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "no JSON": "x", "another version": `{"version":2}`, "another name": `{"version":1,"id":"00000000000000000000000000000001"}`,
		"too long": strings.Repeat(" ", 5_000), "bad hash": `{"version":1,"id":"00000000000000000000000000000000","hash":"00"}`,
		"bad key": `{"version":1,"id":"00000000000000000000000000000000","hash":"` + strings.Repeat("0", 64) + `","key":"k","member":"00000000000000000000000000000000"}`,
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, strings.Repeat("0", 32)+".json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := bearer.Open(dir, time.Now); !errors.Is(err, bearer.ErrDamaged) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStoreAgainstTwin compares the store with a list: tokens put, revoked and
// expired in any order, over restarts.
func TestStoreAgainstTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		k := newKeeper(t)
		type kept struct {
			bearer.Token
			secret string
		}
		var twin []kept
		live := func(member byte) (all []kept) {
			for _, x := range twin {
				if (member == 0 || x.Member == ledger.ID{member}) && k.at.Before(x.Expiry) {
					all = append(all, x)
				}
			}
			return all
		}
		forget := func(id ledger.ID) {
			for i := range twin {
				if twin[i].ID == id {
					twin = append(twin[:i:i], twin[i+1:]...)
					return
				}
			}
		}
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{"put", "put", "put", "put", "revoke", "wait", "restart"}).Draw(r, "step") {
			case "put":
				member := rapid.ByteRange(1, 2).Draw(r, "member")
				token, secret := k.token(member, rapid.Bool().Draw(r, "signs"), 0)
				err := k.store.Put(token, secret)
				if before := live(member); len(before) >= bearer.MaxPerMember {
					oldest := -1
					for i := range before {
						if before[i].Key == nil {
							oldest = i
							break
						}
					}
					if oldest < 0 {
						if !errors.Is(err, bearer.ErrTooMany) {
							r.Fatalf("a token too many: %v", err)
						}
						continue
					}
					forget(before[oldest].ID)
				}
				if err != nil {
					r.Fatal(err)
				}
				twin = append(twin, kept{token, secret})
			case "revoke":
				if all := live(0); len(all) > 0 {
					x := all[rapid.IntRange(0, len(all)-1).Draw(r, "which")]
					if err := k.store.Revoke(x.ID); err != nil {
						r.Fatal(err)
					}
					forget(x.ID)
				}
			case "wait":
				k.at = k.at.Add(time.Duration(rapid.IntRange(1, 30).Draw(r, "minutes")) * time.Minute)
			case "restart":
				k.open()
			}
			k.at = k.at.Add(time.Millisecond) // so that ages differ
			for _, x := range twin {
				if _, ok := k.store.Find(x.secret); ok != k.at.Before(x.Expiry) {
					r.Fatalf("token %s found: %t", x.ID, ok)
				}
			}
			if got, want := len(k.store.List(ledger.ID{})), len(live(0)); got != want {
				r.Fatalf("%d tokens, want %d", got, want)
			}
		}
	})
}

// TestSpentRequestsAreBounded: who asks for tokens without end fills neither
// memory nor disk, over restarts too; others are served, and it is once its
// requests have expired.
func TestSpentRequestsAreBounded(t *testing.T) {
	t.Parallel()
	k := newKeeper(t)
	ask := func(member byte, n int) error {
		token, secret := k.token(member, false, 1)
		token.Request = ledger.Digest{member, byte(n), byte(n >> 8)}
		return k.store.Put(token, secret)
	}
	n := 0
	for ; n < bearer.MaxPerMember+bearer.MaxSpentPerMember; n++ {
		if err := ask(1, n); err != nil {
			t.Fatalf("request %d: %v", n, err)
		}
	}
	for _, again := range []string{"at once", "after a restart"} {
		if err := ask(1, n); !errors.Is(err, bearer.ErrTooFast) {
			t.Errorf("one more, %s: %v", again, err)
		}
		k.open()
	}
	if err := ask(2, n); err != nil {
		t.Errorf("another member: %v", err)
	}
	if files, err := os.ReadDir(k.dir); err != nil || len(files) != n+1 {
		t.Errorf("%d files, want %d, %v", len(files), n+1, err)
	}
	k.at = k.at.Add(2 * time.Minute)
	if err := ask(1, n); err != nil {
		t.Errorf("once they have expired: %v", err)
	}
	if files, err := os.ReadDir(k.dir); err != nil || len(files) > 2*bearer.MaxPerMember {
		t.Errorf("%d files are left, %v", len(files), err)
	}
}
