package api

import (
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
		s := newSessions(Limits{Uploads: most, UploadLife: life}, func() time.Time { return now })
		type twin struct {
			peer     ledger.ID
			touched  time.Time
			complete bool
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
				old, known := all[id]
				if !known {
					for other, u := range all {
						if now.Sub(u.touched) > life {
							delete(all, other)
						}
					}
				}
				room := open(func(twin) bool { return true }) < most && open(func(u twin) bool { return u.peer == peer }) < most/4
				_, err := s.announce(id, v1.NewUpload{Peer: peer})
				if (err == nil) != (known || room) {
					t.Fatalf("announce: %v, known %v, room %v", err, known, room)
				}
				if err == nil {
					if !known {
						old = twin{peer: peer}
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
				s.finish(id)
				if u, known := all[id]; known {
					u.complete = true
					all[id] = u
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
