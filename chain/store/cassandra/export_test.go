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

// Claim claims the keyspace as another owner that has seen none, through the
// connections of s.
func Claim(ctx context.Context, s *Store, as Options) error {
	return (&Store{opts: as, session: s.session}).claim(ctx)
}

// WriteAgain writes the rows of a commit that was applied long ago.
func WriteAgain(ctx context.Context, s *Store, c *store.Commit) error {
	return s.writeRows(ctx, c)
}
