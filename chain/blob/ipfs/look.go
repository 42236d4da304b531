package ipfs

import (
	"context"
	"fmt"
)

// Look asks whether kubo answers. It changes nothing.
func Look(ctx context.Context, config Config) error {
	s, err := newStore(config)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.rpc.call(ctx, "version", params(nil), nil); err != nil {
		return fmt.Errorf("look at kubo at %s: %w", config.API, err)
	}
	return nil
}
