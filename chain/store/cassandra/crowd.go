package cassandra

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocql/gocql"
)

// maxPartitionMiB is what a partition should not pass: beyond it Cassandra's
// compaction and repair grow slow, which it warns of from there on by default.
const maxPartitionMiB = 100

// warnOfCrowds says in the log that the partitions of table latest have grown too
// large: they are the only ones that grow with the number of rows of the state.
func (s *Store) warnOfCrowds(ctx context.Context) error {
	if crowd, err := s.crowd(ctx, maxPartitionMiB); err != nil {
		s.opts.Logger.Info("how large partitions are is not known", "keyspace", s.opts.Keyspace, "error", err) // a role may not be allowed to see
	} else if crowd != "" {
		s.opts.Logger.Warn("a partition has grown too large", "keyspace", s.opts.Keyspace, "advice", crowd)
	}
	return nil
}

// crowd says what to do where the largest partition of table latest, at the node
// that is asked, has most MiB or more on disk.
func (s *Store) crowd(ctx context.Context, most int64) (string, error) {
	var mebibytes int64
	err := s.query(ctx, largestPartition, s.opts.Keyspace).Scan(&mebibytes)
	if errors.Is(err, gocql.ErrNotFound) || err == nil && mebibytes < most {
		return "", nil
	}
	return fmt.Sprintf("a bucket of rows has %d MiB, %d at most are well: prune, or go on from a snapshot in a new keyspace with more than %d buckets "+
		"(store.cassandra.buckets)", mebibytes, most, s.buckets), err
}
