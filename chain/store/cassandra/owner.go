package cassandra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/store"
)

// ownerRow is the row "owner".
type ownerRow struct {
	_       struct{} `cbor:",toarray"`
	Chain   ledger.Digest
	Shard   uint32
	Node    ledger.ID
	Buckets int
}

// ownerStamp is the timestamp of claims and of the row "owner", which are written
// before any commit.
const ownerStamp = 1

// own makes a new keyspace this owner's, and refuses another's (invariant 4).
//
// Nodes may find the same keyspace new at once, and Cassandra has no lock that holds.
// So each claims it first, in a row of its own, and then looks whether another one
// did. Of any two at least one writes its claim before the other one looks, so at
// most one goes on and becomes the owner, whatever the order of their statements;
// nothing else is written before. Two who see each other both give way: the keyspace
// is empty, and somebody has to say whose it is anyway.
func (s *Store) own(ctx context.Context) error {
	_, ok, err := s.meta(ctx, "owner")
	if err != nil {
		return err
	}
	if !ok {
		for _, step := range []func(context.Context) error{s.claim, s.alone, s.take} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	return s.checkOwner(ctx)
}

const claims = "claim "

// ofOwner reports whether a statement reads or writes whose the keyspace is. That
// takes a quorum of all copies: those of two data centres' own quorums do not meet,
// so each might make another node the owner.
func ofOwner(statement string, values []any) bool {
	switch statement {
	case namesOfMeta:
		return true
	case getMeta, putMeta:
		name, _ := values[0].(string)
		return name == "owner" || strings.HasPrefix(name, claims)
	default:
		return false
	}
}

// claimRow is the name of this owner's claim in table meta.
func (s *Store) claimRow() string {
	return fmt.Sprintf("%s%s %d %s", claims, s.opts.Chain, s.opts.Shard, s.opts.Node)
}

func (s *Store) claim(ctx context.Context) error {
	return s.exec(ctx, putMeta, s.claimRow(), []byte{}, int64(ownerStamp))
}

// alone refuses a keyspace that another one has claimed as well.
func (s *Store) alone(ctx context.Context) error {
	var others []string
	err := s.again(ctx, func() error {
		others = nil
		rows := s.query(ctx, namesOfMeta).Iter()
		var name string
		for rows.Scan(&name) {
			if by, ok := strings.CutPrefix(name, claims); ok && name != s.claimRow() {
				others = append(others, by)
			}
		}
		return rows.Close()
	})
	if err != nil || len(others) == 0 {
		return wrap(err, "read who claims the keyspace")
	}
	if _, taken, err := s.meta(ctx, "owner"); err != nil || taken {
		return errors.Join(err, s.checkOwner(ctx))
	}
	return fmt.Errorf("%w: keyspace %s is claimed by more than one node: chain, shard and node %s, and %s. Give each a keyspace of its own, "+
		"then DROP KEYSPACE %s, which holds nothing, and start again", store.ErrLocked, s.opts.Keyspace,
		strings.TrimPrefix(s.claimRow(), claims), strings.Join(others, ", "), s.opts.Keyspace)
}

// take makes this owner that of the keyspace.
func (s *Store) take(ctx context.Context) error {
	row, err := ledger.Encode(s.owner())
	if err != nil {
		return err
	}
	return s.exec(ctx, putMeta, "owner", row, int64(ownerStamp))
}

func (s *Store) owner() *ownerRow {
	return &ownerRow{Chain: s.opts.Chain, Shard: s.opts.Shard, Node: s.opts.Node, Buckets: cmp.Or(s.buckets, s.opts.Buckets)}
}

func (s *Store) checkOwner(ctx context.Context) error {
	row, ok, err := s.meta(ctx, "owner")
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: keyspace %s has lost its owner", store.ErrCorrupt, s.opts.Keyspace)
	}
	want := s.owner()
	var have ownerRow
	if err := ledger.Decode("owner", row, maxRowBytes, &have); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	switch {
	case have.Chain != want.Chain:
		return &store.OwnerError{Field: "chain", Have: have.Chain.String(), Want: want.Chain.String()}
	case have.Shard != want.Shard:
		return &store.OwnerError{Field: "shard", Have: fmt.Sprint(have.Shard), Want: fmt.Sprint(want.Shard)}
	case have.Node != want.Node:
		return &store.OwnerError{Field: "node", Have: have.Node.String(), Want: want.Node.String()}
	case have.Buckets < 1 || have.Buckets > 1024:
		return fmt.Errorf("%w: the keyspace has %d buckets", store.ErrCorrupt, have.Buckets)
	}
	s.buckets = have.Buckets
	return nil
}
