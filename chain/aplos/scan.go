package aplos

import (
	"slices"
	"strings"

	"github.com/librum/librum/chain/contract"
)

// Scan lists rows as they are after all that was executed.
func (e *Executor) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	return e.state.Scan(prefix, after, limit)
}

func (s *state) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	return visitor{s, s.base}.Scan(prefix, after, limit)
}

// Scan lists rows as they are after all that was executed; rows that change
// while it runs may be listed as before or as after.
func (s visitor) Scan(prefix, after contract.Key, limit int) ([]contract.Row, error) {
	changed := s.changedRows(prefix, after)
	deleted := 0
	for _, r := range changed {
		if !r.exists {
			deleted++
		}
	}
	// Of the base's rows as many may be deleted above it as the layers delete.
	below, err := s.base.Scan(prefix, after, limit+deleted)
	if err != nil {
		return nil, err
	}
	rows := make([]contract.Row, 0, len(below)+len(changed))
	for _, r := range below {
		if _, ok := changed[r.Key]; !ok {
			rows = append(rows, r)
		}
	}
	for k, r := range changed {
		// Beyond a full base scan's last row there may be base rows unseen.
		beyond := len(below) == limit+deleted && k > below[len(below)-1].Key
		if r.exists && !beyond {
			rows = append(rows, contract.Row{Key: k, Value: r.value})
		}
	}
	slices.SortFunc(rows, func(a, b contract.Row) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return rows[:min(limit, len(rows))], nil
}

// changedRows returns the newest form of the rows in range that the layers
// changed.
func (s *state) changedRows(prefix, after contract.Key) map[contract.Key]row {
	s.mu.RLock()
	defer s.mu.RUnlock()
	changed := map[contract.Key]row{}
	for _, l := range s.layers {
		for k, r := range l.rows {
			if k > after && strings.HasPrefix(string(k), string(prefix)) {
				changed[k] = r
			}
		}
	}
	return changed
}
