package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// Model is a store in maps: the whole state of every height.
type Model struct {
	States  []map[string]string // by height
	Commits []*store.Commit
	Index   map[ledger.Digest][2]uint64 // height, index
	Floor   uint64
	Keep    []uint64 // headers below the floor
}

// NewModel returns an empty model.
func NewModel() *Model { return &Model{Index: map[ledger.Digest][2]uint64{}} }

// Apply takes a commit that a store has taken.
func (m *Model) Apply(c *store.Commit) {
	state := map[string]string{}
	if n := len(m.States); n > 0 {
		state = maps.Clone(m.States[n-1])
	}
	for _, w := range c.Writes {
		if w.Delete {
			delete(state, string(w.Key))
		} else {
			state[string(w.Key)] = string(w.Value)
		}
	}
	m.index(c)
	m.States = append(m.States, state)
	m.Commits = append(m.Commits, c)
}

func (m *Model) index(c *store.Commit) {
	for i, id := range c.Transactions {
		if _, ok := m.Index[id]; !ok && !id.IsZero() {
			m.Index[id] = [2]uint64{c.Height, uint64(i)}
		}
	}
}

// Scan returns what a store's Scan must.
func (m *Model) Scan(height uint64, prefix, after []byte, limit int) []store.Row {
	var rows []store.Row
	for _, key := range slices.Sorted(maps.Keys(m.States[height])) {
		if strings.HasPrefix(key, string(prefix)) && (after == nil || key > string(after)) && len(rows) < limit {
			rows = append(rows, store.Row{Key: []byte(key), Value: []byte(m.States[height][key])})
		}
	}
	return rows
}

// Compare says where a store differs from the model, looking at everything.
func (m *Model) Compare(ctx context.Context, s store.Store) error {
	a, ok, err := s.Applied(ctx)
	if err != nil {
		return err
	}
	if err := m.compareAudit(ctx, s); err != nil {
		return err
	}
	if len(m.Commits) == 0 {
		if ok {
			return fmt.Errorf("height %d is applied, want none", a.Height)
		}
		return nil
	}
	last := m.Commits[len(m.Commits)-1]
	if !ok || a.Height != last.Height || a.NextOffset != last.NextOffset || a.LastRecord != last.LastRecord ||
		a.Topic != last.Topic || a.Floor != m.Floor || !bytes.Equal(a.Commitment, last.Commitment) {
		return fmt.Errorf("applied is height %d, offset %d, want height %d, offset %d", a.Height, a.NextOffset, last.Height, last.NextOffset)
	}
	if err := m.comparePruned(ctx, s); err != nil {
		return err
	}
	for height := m.Floor; height < uint64(len(m.States)); height++ {
		if err := m.compareState(ctx, s, height); err != nil {
			return fmt.Errorf("height %d: %w", height, err)
		}
	}
	for _, c := range m.Commits[1:] {
		if !m.keeps(c.Height) {
			continue
		}
		header, err := s.Header(ctx, c.Height)
		if err != nil || !bytes.Equal(header, c.Header) {
			return fmt.Errorf("header %d is %q, %w", c.Height, header, err)
		}
		if c.Height < m.Floor {
			continue
		}
		block, err := s.Block(ctx, c.Height)
		if err != nil || !bytes.Equal(block, c.Block) {
			return fmt.Errorf("block %d is %q, %w", c.Height, block, err)
		}
	}
	for _, beyond := range []uint64{0, last.Height + 1} {
		if beyond < m.Floor {
			continue
		}
		if _, err := s.Block(ctx, beyond); !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("block %d: %w, want ErrNotFound", beyond, err)
		}
	}
	for id, want := range m.Index {
		height, index, ok, err := s.Transaction(ctx, id)
		if err != nil || !ok || height != want[0] || uint64(index) != want[1] {
			return fmt.Errorf("transaction %s stands at %d.%d, %t, %w; want %v", id.Short(), height, index, ok, err, want)
		}
	}
	return nil
}

func (m *Model) compareState(ctx context.Context, s store.Store, height uint64) error {
	rows, err := s.Scan(ctx, height, nil, nil, store.MaxScanRows)
	if err != nil {
		return err
	}
	if want := m.Scan(height, nil, nil, store.MaxScanRows); !equalRows(rows, want) {
		return fmt.Errorf("rows are %q, want %q", rows, want)
	}
	last := height == uint64(len(m.States)-1)
	for _, state := range m.States {
		for key := range state { // of any height: some are not there at this one
			want, wantOK := m.States[height][key]
			got, ok, err := s.Get(ctx, height, []byte(key))
			if err != nil || ok != wantOK || string(got) != want {
				return fmt.Errorf("row %q is %q, %t, %w; want %q, %t", key, got, ok, err, want, wantOK)
			}
			if !last {
				continue
			}
			got, ok, err = s.Latest(ctx, []byte(key))
			if err != nil || ok != wantOK || string(got) != want {
				return fmt.Errorf("latest row %q is %q, %t, %w; want %q, %t", key, got, ok, err, want, wantOK)
			}
		}
	}
	return nil
}

func equalRows(a, b []store.Row) bool {
	return slices.EqualFunc(a, b, func(x, y store.Row) bool {
		return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value)
	})
}
