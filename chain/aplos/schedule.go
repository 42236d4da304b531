package aplos

import (
	"hash/maphash"
	"slices"

	"github.com/librum/librum/chain/contract"
)

// schedule finds out which turns of a record may run at once. Two conflict if
// one writes what the other touches. Each turn gets a wave: the first behind all
// earlier turns that it conflicts with. Turns of one wave touch nothing that
// another of them writes, so that waves run one after the other, each in any
// order, leave what the turns leave one by one.
type schedule struct {
	seed  maphash.Seed
	slots [1 << 16]slot
	last  uint64 // the last wave of the record before: waves are numbered on, so that no slot has to be cleared
}

// slot holds the newest waves that touch a key. Keys share slots by their hash:
// what looks like a conflict and is none costs a wave, never the outcome, which
// is why the hash may be seeded at random, so that nobody can aim at it.
type slot struct {
	written uint64 // newest wave that writes the key
	touched uint64 // newest wave that reads or writes it
}

func newSchedule() *schedule { return &schedule{seed: maphash.MakeSeed()} }

func (s *schedule) slot(key contract.Key) *slot {
	return &s.slots[maphash.String(s.seed, string(key))%uint64(len(s.slots))]
}

// waves returns the turns by their waves, those of a wave in their order.
func (s *schedule) waves(turns []turn) [][]*turn {
	first := s.last + 1
	wave := make([]uint64, len(turns))
	floor := first // no turn may run before it
	for i := range turns {
		footprint := &turns[i].action.Footprint
		if alone(footprint) {
			wave[i], floor = s.last+1, s.last+2
		} else {
			wave[i] = s.place(&turns[i], floor)
		}
		s.last = max(s.last, wave[i])
	}
	return sortByWave(turns, wave, first, s.last)
}

// place returns the wave of a turn and takes note of what it touches.
func (s *schedule) place(t *turn, floor uint64) uint64 {
	reads, writes := t.action.Footprint.Reads, t.action.Footprint.Writes
	if len(writes) == 0 {
		// It may come twice in the record, and the second is a replay. What writes
		// conflicts with its like anyway, since equal ids have equal footprints.
		writes = []contract.Key{contract.Key(t.ID[:])}
	}
	wave := floor
	for _, k := range writes {
		wave = max(wave, s.slot(k).touched+1)
	}
	for _, k := range reads {
		wave = max(wave, s.slot(k).written+1)
	}
	for _, k := range writes {
		at := s.slot(k)
		at.written, at.touched = wave, wave // nothing touched it later
	}
	for _, k := range reads {
		at := s.slot(k)
		at.touched = max(at.touched, wave)
	}
	return wave
}

// sortByWave is a counting sort.
func sortByWave(turns []turn, wave []uint64, first, last uint64) [][]*turn {
	counts := make([]int, last-first+1)
	for _, w := range wave {
		counts[w-first]++
	}
	all := make([]*turn, len(turns))
	waves := make([][]*turn, len(counts))
	at := 0
	for w, n := range counts {
		waves[w] = all[at : at : at+n]
		at += n
	}
	for i := range turns {
		w := wave[i] - first
		waves[w] = append(waves[w], &turns[i])
	}
	return waves
}

// alone reports whether a turn writes what the checks of all others read: it
// runs between all before it and all behind it.
func alone(f *contract.Footprint) bool {
	return slices.ContainsFunc(f.Writes, inspected)
}
