package cassandra

import (
	"context"
	"errors"
	"fmt"

	"github.com/gocql/gocql"
)

// ErrNoKeyspace: the keyspace is not there yet; [Open] makes it.
var ErrNoKeyspace = errors.New("keyspace is not there")

// Look finds the keyspace and refuses an unsafe one, as [Open] does. It makes and
// changes nothing, and does not look whose the keyspace is.
func Look(ctx context.Context, opts Options) error {
	if err := opts.fill(); err != nil {
		return fmt.Errorf("look at Cassandra: %w", err)
	}
	session, err := opts.cluster("").CreateSession()
	if err == nil {
		defer session.Close()
		s := &Store{opts: opts, session: session}
		if err = s.checkDurable(ctx); errors.Is(err, gocql.ErrNotFound) {
			err = ErrNoKeyspace
		}
	}
	if err != nil {
		return fmt.Errorf("look at keyspace %s in Cassandra at %v: %w", opts.Keyspace, opts.Hosts, err)
	}
	return nil
}
