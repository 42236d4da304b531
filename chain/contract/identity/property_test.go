package identity_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/aplos/aplostest"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/identity"
	keys "github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
)

// life is what the naive twin knows of a key: whose it is and when it counts.
type life struct {
	member      ledger.ID
	from, until int64
}

// stand is what the naive twin knows of a member.
type stand struct {
	status keys.Status
	expiry int64
}

// TestMembersTwin runs orders of officers and members, right ones and wrong
// ones, and holds the rows against what the events told, at every step.
func TestMembersTwin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRegistry(quiet{t})
		people := []ledger.ID{r.Account(0), r.Account(1), r.Account(2), r.Account(3), aplostest.NodeID(0)}
		pool := []*keys.Key{aplostest.AccountKey(2), aplostest.AccountKey(3), aplostest.NodeKey(0)}
		for i := range 4 {
			people, pool = append(people, aplostest.Stranger(i)), append(pool, newKey(i))
		}
		lives, stands := map[ledger.Digest]life{}, map[ledger.ID]stand{}
		for _, m := range r.Genesis.Members {
			lives[m.Key.ID()] = life{m.ID, start, 0}
			stands[m.ID] = stand{keys.StatusActive, 0}
		}
		for _, n := range r.Genesis.Group.Nodes {
			lives[n.Key.ID()] = life{n.Node, start, 0}
			stands[n.Node] = stand{keys.StatusActive, 0}
		}
		for range rapid.IntRange(1, 40).Draw(rt, "orders") {
			r.now += rapid.Int64Range(0, 5).Draw(rt, "time passes")
			sender, target := rapid.SampledFrom(people).Draw(rt, "sender"), rapid.SampledFrom(people).Draw(rt, "target")
			key := rapid.SampledFrom(pool).Draw(rt, "key")
			before := maps.Clone(r.rows)
			code, events := ledger.Code(""), []ledger.Event(nil)
			switch rapid.IntRange(0, 7).Draw(rt, "method") {
			case 0, 1:
				expiry := drawExpiry(rt, r.now)
				code, events = r.call(sender, identity.MethodEnrol, &identity.Enrol{
					Member: target, Expiry: expiry, Roles: []string{keys.RoleMember}, Keys: []ledger.PublicKey{key.Public()}, Evidence: []ledger.Digest{{1}},
					Proofs: []identity.Proof{r.proof(sender, target, key)},
				})
				if code == ledger.CodeOK {
					lives[key.ID()], stands[target] = life{target, r.now, 0}, stand{keys.StatusActive, expiry}
				}
			case 2:
				old := rapid.SampledFrom(pool).Draw(rt, "old")
				from := r.now + rapid.Int64Range(0, 5).Draw(rt, "from")
				until := from + rapid.Int64Range(-1, 5).Draw(rt, "overlap")
				code, events = r.call(sender, identity.MethodRotateKey, &identity.RotateKey{Old: old.ID(), Key: key.Public(), Proof: r.proof(sender, sender, key), From: from, Until: until})
				if code == ledger.CodeOK {
					l := lives[old.ID()]
					lives[old.ID()], lives[key.ID()] = life{l.member, l.from, until}, life{sender, from, 0}
				}
			case 3:
				expiry, old := drawExpiry(rt, r.now), stands[target]
				code, events = r.call(sender, identity.MethodRenew, &identity.Renew{Member: target, Expiry: expiry})
				if code != ledger.CodeOK {
					break
				}
				if old.status == keys.StatusRevoked || expiry <= r.now || old.expiry >= expiry {
					rt.Fatalf("renewed %+v at %d until %d", old, r.now, expiry)
				}
				stands[target] = stand{old.status, expiry}
			default:
				step := rapid.SampledFrom([]string{identity.MethodFreeze, identity.MethodUnfreeze, identity.MethodRevoke}).Draw(rt, "step")
				code, events = r.call(sender, step, &identity.Change{Member: target})
				if code != ledger.CodeOK {
					break
				}
				if stands[target].status == keys.StatusRevoked {
					rt.Fatalf("%s after revoke", step)
				}
				stands[target] = stand{map[string]keys.Status{
					identity.MethodFreeze: keys.StatusFrozen, identity.MethodUnfreeze: keys.StatusActive, identity.MethodRevoke: keys.StatusRevoked,
				}[step], stands[target].expiry}
			}
			if code != ledger.CodeOK {
				if !maps.EqualFunc(before, r.rows, bytes.Equal) {
					rt.Fatalf("%s changed rows", code)
				}
			} else if len(events) != 1 {
				rt.Fatalf("%d events", len(events))
			}
			compare(rt, r, people, pool, lives, stands)
		}
	})
}

// drawExpiry returns no expiry, one that has passed or one that soon will.
func drawExpiry(rt *rapid.T, now int64) int64 {
	return rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(now-2, now+12)).Draw(rt, "expiry")
}

// compare holds every pair of member and key against the twin.
func compare(rt *rapid.T, r *registry, people []ledger.ID, pool []*keys.Key, lives map[ledger.Digest]life, stands map[ledger.ID]stand) {
	for _, id := range people {
		usable := 0
		for _, key := range pool {
			l, used := lives[key.ID()]
			want := ledger.CodeOK
			switch {
			case stands[id].status == "":
				want = contract.CodeUnknownSender
			case stands[id].status != keys.StatusActive || stands[id].expiry != 0 && r.now > stands[id].expiry:
				want = identity.CodeNotActive
			case !used || l.member != id || r.now < l.from || l.until != 0 && r.now >= l.until:
				want = contract.CodeUnknownKey
			}
			if want == ledger.CodeOK {
				usable++
			}
			if got := r.authority(id, key, "token.transfer"); got != want {
				rt.Fatalf("member %s, key %s at %d: %s, the twin says %s (%+v)", id.Short(), key.ID().Short(), r.now, got, want, l)
			}
		}
		if m, ok, _ := contract.LoadFrom[identity.Member](r.rows, identity.MemberRow(id)); ok && stands[id].status == keys.StatusActive {
			own := slices.ContainsFunc(m.Keys, func(k identity.MemberKey) bool { _, ok := m.KeyAt(k.Key.ID(), r.now); return ok })
			if !own {
				rt.Fatalf("member %s has no valid key at %d (invariant 5): %+v", id.Short(), r.now, m.Keys)
			}
		}
	}
}

// FuzzArguments gives any bytes to every method: a result comes out, or a
// refusal with a code.
func FuzzArguments(f *testing.F) {
	r := newRegistry(f)
	methods := identity.New().Methods
	a := r.enrolment(0)
	f.Add(byte(0), r.Encode(&a))
	f.Add(byte(1), r.Encode(&identity.Change{Member: r.Account(2)}))
	f.Add(byte(4), r.Encode(&identity.Renew{Member: r.Account(2), Expiry: start + 1}))
	f.Add(byte(5), r.Encode(&identity.RotateKey{Old: aplostest.AccountKey(0).ID(), Key: newKey(1).Public()}))
	f.Add(byte(6), r.Encode(&identity.AddDelegate{
		Node: aplostest.NodeID(0), Key: newKey(2).Public(), Proof: r.proof(r.Account(0), r.Account(0), newKey(2)), Methods: identity.DelegableMethods(), Expiry: start + 1,
	}))
	f.Add(byte(7), r.Encode(&identity.RevokeDelegate{}))
	f.Add(byte(0), []byte{0xa1})
	f.Fuzz(func(t *testing.T, method byte, args []byte) {
		r := newRegistry(t)
		before := maps.Clone(r.rows)
		code, events := r.raw(r.Account(0), methods[int(method)%len(methods)].Name, args)
		if code == ledger.CodeOK == maps.EqualFunc(before, r.rows, bytes.Equal) || code == ledger.CodeOK != (len(events) == 1) {
			t.Fatalf("%s with %d events changed rows: %t", code, len(events), !maps.EqualFunc(before, r.rows, bytes.Equal))
		}
	})
}
