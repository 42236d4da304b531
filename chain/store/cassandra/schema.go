package cassandra

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/gocql/gocql"

	"github.com/librum/librum/chain/store"
)

// migrations make a keyspace what this package needs, step by step; the row
// "schema" says how many were done. A step is never changed once it was
// released, and does no harm when done again.
var migrations = []string{
	`CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, row blob)`,
	`CREATE TABLE IF NOT EXISTS staged (slot int, part int, row blob, PRIMARY KEY (slot, part))`,
	`CREATE TABLE IF NOT EXISTS latest (bucket int, key blob, row blob, PRIMARY KEY (bucket, key))`,
	`CREATE TABLE IF NOT EXISTS versions (key blob, era bigint, height bigint, row blob, PRIMARY KEY ((key, era), height))
		WITH CLUSTERING ORDER BY (height DESC)`,
	`CREATE TABLE IF NOT EXISTS eras (key blob, era bigint, row blob, PRIMARY KEY (key, era)) WITH CLUSTERING ORDER BY (era DESC)`,
	`CREATE TABLE IF NOT EXISTS blocks (height bigint, part int, row blob, PRIMARY KEY (height, part))`,
	`CREATE TABLE IF NOT EXISTS headers (era bigint, height bigint, row blob, PRIMARY KEY (era, height))`,
	`CREATE TABLE IF NOT EXISTS places (id blob, height bigint, place int, row blob, PRIMARY KEY (id, height, place))`,
	`CREATE TABLE IF NOT EXISTS signatures (era bigint, height bigint, node blob, row blob, PRIMARY KEY (era, height, node))`,
}

// Statements. All are prepared once a connection and may be repeated.
const (
	putMeta      = `INSERT INTO meta (name, row) VALUES (?, ?) USING TIMESTAMP ?`
	putStaged    = `INSERT INTO staged (slot, part, row) VALUES (?, ?, ?) USING TIMESTAMP ?`
	putLatest    = `INSERT INTO latest (bucket, key, row) VALUES (?, ?, ?) USING TIMESTAMP ?`
	putVersion   = `INSERT INTO versions (key, era, height, row) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`
	putEra       = `INSERT INTO eras (key, era, row) VALUES (?, ?, ?) USING TIMESTAMP ?`
	putBlock     = `INSERT INTO blocks (height, part, row) VALUES (?, ?, ?) USING TIMESTAMP ?`
	putHeader    = `INSERT INTO headers (era, height, row) VALUES (?, ?, ?) USING TIMESTAMP ?`
	putPlace     = `INSERT INTO places (id, height, place, row) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`
	putSignature = `INSERT INTO signatures (era, height, node, row) VALUES (?, ?, ?, ?) USING TIMESTAMP ?`

	namesOfMeta   = `SELECT name FROM meta`
	getMeta       = `SELECT row FROM meta WHERE name = ?`
	getStaged     = `SELECT row FROM staged WHERE slot = ? AND part = ?`
	getLatest     = `SELECT row FROM latest WHERE bucket = ? AND key = ?`
	scanLatest    = `SELECT key, row FROM latest WHERE bucket = ? AND key >= ?`
	getEra        = `SELECT era FROM eras WHERE key = ? AND era <= ? LIMIT 1`
	getVersion    = `SELECT row FROM versions WHERE key = ? AND era = ? AND height <= ? LIMIT 1`
	getBlock      = `SELECT row FROM blocks WHERE height = ?`
	getHeader     = `SELECT row FROM headers WHERE era = ? AND height = ?`
	getPlace      = `SELECT height, place FROM places WHERE id = ? AND height >= ? LIMIT 1`
	getSignature  = `SELECT row FROM signatures WHERE era = ? AND height = ? AND node = ?`
	getSignatures = `SELECT row FROM signatures WHERE era = ? AND height = ?`

	getEras       = `SELECT era FROM eras WHERE key = ? AND era <= ?`
	newestVersion = `SELECT height, row FROM versions WHERE key = ? AND era = ? AND height <= ? LIMIT 1`

	dropVersions   = `DELETE FROM versions USING TIMESTAMP ? WHERE key = ? AND era = ? AND height < ?`
	dropLatest     = `DELETE FROM latest USING TIMESTAMP ? WHERE bucket = ? AND key = ?`
	dropEra        = `DELETE FROM eras USING TIMESTAMP ? WHERE key = ? AND era = ?`
	dropBlock      = `DELETE FROM blocks USING TIMESTAMP ? WHERE height = ?`
	dropHeader     = `DELETE FROM headers USING TIMESTAMP ? WHERE era = ? AND height = ?`
	dropSignatures = `DELETE FROM signatures USING TIMESTAMP ? WHERE era = ? AND height = ?`
	dropPlace      = `DELETE FROM places USING TIMESTAMP ? WHERE id = ? AND height = ? AND place = ?`

	largestPartition = `SELECT mebibytes FROM system_views.max_partition_size WHERE keyspace_name = ? AND table_name = 'latest'`

	allVersions   = `SELECT key, era, height, row FROM versions`
	allPlaces     = `SELECT id, height, place FROM places`
	allBlocks     = `SELECT DISTINCT height FROM blocks`
	allHeaders    = `SELECT era, height FROM headers`
	allSignatures = `SELECT era, height, node, row FROM signatures`
	allLatest     = `SELECT bucket, key, row FROM latest`
)

// eraHeights is how many heights an era has. It is part of the schema.
const eraHeights = 1024

func era(height uint64) int64 { return int64(height / eraHeights) }

// migrate does the steps that are missing. The first one makes the table that
// says how many were done.
func (s *Store) migrate(ctx context.Context) error {
	_, there, err := s.one(ctx, `SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'meta'`, s.opts.Keyspace)
	if err == nil && !there {
		err = s.exec(ctx, migrations[0])
	}
	if err != nil {
		return fmt.Errorf("make table meta: %w", err)
	}
	row, ok, err := s.meta(ctx, "schema")
	if err != nil {
		return err
	}
	done := 0
	if ok {
		if len(row) != 4 {
			return fmt.Errorf("%w: the row schema has %d bytes", store.ErrCorrupt, len(row))
		}
		done = int(binary.BigEndian.Uint32(row))
	}
	if done > len(migrations) {
		return fmt.Errorf("keyspace %s has schema %d, this program knows %d; use a later one", s.opts.Keyspace, done, len(migrations))
	}
	if done == len(migrations) {
		return nil
	}
	for i, step := range migrations[done:] {
		if err := s.exec(ctx, step); err != nil {
			return fmt.Errorf("bring keyspace %s to schema %d: %w", s.opts.Keyspace, done+i+1, err)
		}
	}
	row = binary.BigEndian.AppendUint32(nil, uint32(len(migrations)))
	return s.exec(ctx, putMeta, "schema", row, int64(len(migrations)))
}

// ErrUnsafeKeyspace: a crash could take acknowledged writes with it. The text
// says what to change.
var ErrUnsafeKeyspace = errors.New("keyspace is unsafe")

// checkDurable refuses a keyspace of fewer than three copies whose node answers
// before it has synced: a node that is killed then loses what it had not synced,
// ten seconds of it by default. With three copies two others have it.
func (s *Store) checkDurable(ctx context.Context) error {
	var replication map[string]string
	var durable bool
	err := s.scanOne(ctx, `SELECT replication, durable_writes FROM system_schema.keyspaces WHERE keyspace_name = ?`,
		[]any{&replication, &durable}, s.opts.Keyspace)
	if err != nil {
		return fmt.Errorf("read how the keyspace is replicated: %w", err)
	}
	if !durable {
		return fmt.Errorf("%w: %s has durable_writes false; ALTER KEYSPACE %s WITH durable_writes = true", ErrUnsafeKeyspace, s.opts.Keyspace, s.opts.Keyspace)
	}
	copies := copiesThatAnswer(replication, s.opts.Consistency)
	if copies >= 3 {
		return nil
	}
	var sync string
	err = s.scanOne(ctx, `SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'`, []any{&sync})
	if err != nil {
		return fmt.Errorf("read how the commit log is synced: %w", err)
	}
	if sync != "batch" && sync != "group" {
		return fmt.Errorf("%w: %s has %d copies, and its node syncs the commit log %s; replicate it three times, or set commitlog_sync: batch",
			ErrUnsafeKeyspace, s.opts.Keyspace, copies, sync)
	}
	return nil
}

// copiesThatAnswer returns among how many copies the quorum is that has answered when a
// write is acknowledged: all, or with LOCAL_QUORUM those of one data centre, that of
// whichever node was asked.
func copiesThatAnswer(replication map[string]string, consistency gocql.Consistency) int {
	sum, least := 0, math.MaxInt
	for name, value := range replication {
		if n, err := strconv.Atoi(value); err == nil && name != "class" {
			sum, least = sum+n, min(least, n)
		}
	}
	if consistency == gocql.LocalQuorum {
		return min(sum, least)
	}
	return sum
}

func (s *Store) meta(ctx context.Context, name string) ([]byte, bool, error) {
	row, ok, err := s.one(ctx, getMeta, name)
	if err != nil {
		return nil, false, fmt.Errorf("read row %s: %w", name, err)
	}
	return row, ok, nil
}
