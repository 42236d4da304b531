package cassandra

import (
	"context"
	"errors"
	"regexp"

	"github.com/librum/librum/chain/store"
)

var errCrash = errors.New("the process ends here")

// Migrations are the steps of the schema.
func Migrations() []string { return migrations }

var tableName = regexp.MustCompile(`EXISTS (\w+)`)

// Tables are those of the schema.
func Tables() []string {
	names := make([]string, 0, len(migrations))
	for _, step := range migrations {
		names = append(names, tableName.FindStringSubmatch(step)[1])
	}
	return names
}

// CrashAfter lets so many more statements of writing through, and no other.
func CrashAfter(s *Store, statements int) {
	s.failpoint = func() error {
		if statements--; statements < 0 {
			return errCrash
		}
		return nil
	}
}

// Claimant is another owner that has seen none, at the connections of s: the steps by
// which it makes the keyspace its own.
func Claimant(s *Store, as Options) (steps []func(context.Context) error, err error) {
	if err := as.fill(); err != nil {
		return nil, err
	}
	c := &Store{opts: as, session: s.session}
	return []func(context.Context) error{c.claim, c.alone, c.take}, nil
}

// Own is what opening does about the owner, at the connections of s.
func Own(ctx context.Context, s *Store, as Options) error {
	if err := as.fill(); err != nil {
		return err
	}
	return (&Store{opts: as, session: s.session}).own(ctx)
}

// WriteAgain writes the rows of a commit that was applied long ago.
func WriteAgain(ctx context.Context, s *Store, c *store.Commit) error {
	return s.writeRows(ctx, c)
}

// Crowd says what to do where a bucket has so many MiB on disk.
func Crowd(ctx context.Context, s *Store, mebibytes int64) (string, error) {
	return s.crowd(ctx, mebibytes)
}
