package api

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ledger"
)

// The places of open uploads are counted right whatever happens to them: a
// naive twin counts them anew each time.
func TestPlacesOfUploads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most, life = 8, time.Minute
		now := time.Unix(0, 0)
		awaited := func(round uint64) bool { return round == 1 }
		s := newSessions(Limits{Uploads: most, UploadLife: life}, func() time.Time { return now },
			func(_ context.Context, u v1.NewUpload) bool { return awaited(u.Round) })
		type twin struct {
			peer     ledger.ID
			round    uint64
			touched  time.Time
			complete bool
			own      bool
		}
		all := map[ledger.ID]twin{}
		open := func(match func(twin) bool) (n int) {
			for _, u := range all {
				if !u.complete && match(u) {
					n++
				}
			}
			return n
		}
		t.Repeat(map[string]func(*rapid.T){
			"announce": func(t *rapid.T) {
				id, peer := ledger.ID{rapid.Byte().Draw(t, "id")}, ledger.ID{rapid.ByteMax(3).Draw(t, "peer")}
				round := rapid.Uint64Max(1).Draw(t, "round")
				old, known := all[id]
				lapsing := 0
				if !known {
					for other, u := range all {
						if now.Sub(u.touched) > life && (!u.complete || !awaited(u.round)) {
							delete(all, other)
							lapsing++
						}
					}
				}
				room := open(func(twin) bool { return true }) < most && open(func(u twin) bool { return u.peer == peer }) < most/4
				lapsed, err := s.announce(t.Context(), id, v1.NewUpload{Peer: peer, Round: round})
				if (err == nil) != (known || room) || len(lapsed) != lapsing {
					t.Fatalf("announce: %v, known %v, room %v; %d lapsed, want %d", err, known, room, len(lapsed), lapsing)
				}
				if err == nil {
					if !known {
						old = twin{peer: peer, round: round}
					}
					old.touched = now
					all[id] = old
				}
			},
			"find": func(t *rapid.T) {
				id := ledger.ID{rapid.Byte().Draw(t, "id")}
				u, known := all[id]
				found, ok := s.find(id)
				if ok != known || ok && (found.complete != u.complete || found.Peer != u.peer) {
					t.Fatalf("find: %+v %v, want %+v %v", found, ok, u, known)
				}
				if known {
					u.touched = now
					all[id] = u
				}
			},
			"finish": func(t *rapid.T) {
				id := ledger.ID{rapid.Byte().Draw(t, "id")}
				own := rapid.Bool().Draw(t, "own")
				replaced := s.finish(id, own)
				u, known := all[id]
				var want *ledger.ID
				if known && !u.complete {
					for other, old := range all { // a peer has one complete upload a round
						if old.complete && old.peer == u.peer && old.round == u.round {
							want = &other
						}
					}
					u.complete, u.own = true, own
					all[id] = u
				}
				if (replaced == nil) != (want == nil) || want != nil && (replaced.id != *want || replaced.own != all[*want].own) {
					t.Fatalf("finish replaced %+v, want %v", replaced, want)
				}
				if want != nil {
					delete(all, *want)
				}
			},
			"close": func(t *rapid.T) {
				id := ledger.ID{rapid.Byte().Draw(t, "id")}
				s.close(id)
				delete(all, id)
			},
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			},
			"": func(t *rapid.T) {
				if got, want := s.count(), open(func(twin) bool { return true }); got != want {
					t.Fatalf("%d open, want %d", got, want)
				}
			},
		})
	})
}

func TestUploadIDNamesTheAnnouncement(t *testing.T) {
	t.Parallel()
	base := v1.NewUpload{Job: ledger.Digest{1}, Round: 2, Peer: ledger.ID{3}, Size: 4, Digest: ledger.Digest{5}}
	first, err := uploadID(base)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[ledger.ID]bool{first: true}
	for _, change := range []func(*v1.NewUpload){
		func(u *v1.NewUpload) { u.Job[0]++ },
		func(u *v1.NewUpload) { u.Round++ },
		func(u *v1.NewUpload) { u.Peer[0]++ },
		func(u *v1.NewUpload) { u.Size++ },
		func(u *v1.NewUpload) { u.Digest[0]++ },
	} {
		u := base
		change(&u)
		id, err := uploadID(u)
		if err != nil || seen[id] {
			t.Errorf("upload %+v has id %s of another, error %v", u, id, err)
		}
		seen[id] = true
	}
}

// Complete uploads that rounds wait for are bounded; the others make room.
func TestCompleteUploadsAreBounded(t *testing.T) {
	t.Parallel()
	awaited := true
	s := newSessions(Limits{}.withDefaults(), time.Now, func(context.Context, v1.NewUpload) bool { return awaited })
	number := func(i int) ledger.ID { return ledger.ID{byte(i), byte(i >> 8)} }
	for i := range maxComplete {
		if _, err := s.announce(t.Context(), number(i), v1.NewUpload{Peer: number(i)}); err != nil {
			t.Fatal(err)
		}
		s.finish(number(i), true)
	}
	if _, err := s.announce(t.Context(), number(maxComplete), v1.NewUpload{}); err == nil {
		t.Error("one more than can be remembered was let in")
	}
	awaited = false
	lapsed, err := s.announce(t.Context(), number(maxComplete), v1.NewUpload{})
	if err != nil || len(lapsed) != maxComplete || len(s.byID) != 1 || len(s.complete) != 0 {
		t.Errorf("%d lapsed, %d known, error %v", len(lapsed), len(s.byID), err)
	}
}
