package coordinator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/contract/governance"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// peerPatience is how long a peer counts as there after it was last heard of.
const peerPatience = 60 * time.Second

// peers remembers when peers were heard of at this node.
type peers struct {
	mu    sync.Mutex
	now   func() time.Time
	heard map[ledger.ID]time.Time
}

func newPeers(now func() time.Time) *peers {
	return &peers{now: now, heard: map[ledger.ID]time.Time{}}
}

// hear notes that a peer was heard of, and reports whether it did not count as
// there before.
func (p *peers) hear(id ledger.ID) (came bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	last, known := p.heard[id]
	p.heard[id] = now
	return !known || last.Before(now.Add(-peerPatience))
}

// lately returns the peers heard of within peerPatience and forgets the rest.
func (p *peers) lately() []ledger.ID {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := p.now().Add(-peerPatience)
	ids := make([]ledger.ID, 0, len(p.heard))
	for id, at := range p.heard {
		if at.Before(since) {
			delete(p.heard, id)
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// Heard returns the peers that this node has heard of lately, [MaxHeard] at
// most.
func (s *Service) Heard() []ledger.ID {
	heard := s.peers.lately()
	return heard[:min(len(heard), MaxHeard)]
}

// MaxHeard bounds the peers that a node tells others of.
const MaxHeard = 1 << 15

// heardTimeout bounds how long the other nodes are asked, all at once.
const heardTimeout = 2 * time.Second

// heardAnywhere returns whom any node has heard of lately, some more than once. A
// node that does not say counts for nothing.
func (s *Service) heardAnywhere(ctx context.Context) []ledger.ID {
	ctx, cancel := context.WithTimeout(ctx, heardTimeout)
	defer cancel()
	others := s.link.Others()
	heard := make([][]ledger.ID, len(others)+1)
	heard[len(others)] = s.peers.lately()
	var asked sync.WaitGroup
	for i, other := range others {
		asked.Go(func() {
			ids, err := s.link.Heard(ctx, other)
			if err != nil {
				s.config.Logger.Debug("which peers a node has heard of is not known", "node", other.Short(), "error", err)
				return
			}
			heard[i] = ids
		})
	}
	asked.Wait()
	return slices.Concat(heard...)
}

// online returns the registered, available peers in good standing that any node
// has heard of lately, ascending.
func (s *Service) online(ctx context.Context) ([]ledger.ID, error) {
	heard := s.heardAnywhere(ctx)
	slices.SortFunc(heard, func(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) })
	heard = slices.Compact(heard)
	var online []ledger.ID
	err := s.config.Ledger.View(ctx, func(state contract.Range, logTime int64) error {
		for _, id := range heard {
			// One who was frozen or revoked would spoil the whole roster.
			member, err := members.RequireAt(state, id, identity.RolePeer, logTime)
			if err == nil {
				err = governance.RequireStanding(state, member.Organisation)
			}
			if refused := (*contract.Error)(nil); errors.As(err, &refused) {
				continue
			}
			if err != nil {
				return fmt.Errorf("read member %s: %w", id, err)
			}
			row, ok, err := fl.LoadPeer(state, id)
			if err != nil {
				return fmt.Errorf("read peer %s: %w", id, err)
			}
			if ok && row.Available {
				online = append(online, id)
			}
		}
		return nil
	})
	return online, err
}
