package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// How long a node is waited for, and how often it is asked.
const (
	afterPatience = time.Minute
	afterPause    = 100 * time.Millisecond
)

// errNotYet tells that a node is not as far as it was to be.
var errNotYet = errors.New("not final there yet")

// checkPosition refuses what is neither the position of a transaction, offset.index,
// nor an offset of the log, as the header Librum-Position has it.
func checkPosition(s string) error {
	if offset, err := strconv.ParseUint(s, 10, 63); err == nil && strconv.FormatUint(offset, 10) == s {
		return nil
	}
	_, err := parsePosition(s)
	return err
}

// parsePosition reads the position of a transaction, offset.index.
func parsePosition(s string) (p ledger.Position, err error) {
	offset, index, _ := strings.Cut(s, ".")
	p.Offset, err = strconv.ParseUint(offset, 10, 63)
	if err == nil {
		var i uint64
		i, err = strconv.ParseUint(index, 10, 31)
		p.Index = uint32(i)
	}
	if err != nil {
		return p, fmt.Errorf("position %q: want offset.index of a transaction, 12.0 for instance, or the header Librum-Position of an answer, 13 for instance", s)
	}
	return p, nil
}

// finalAt waits until all that the node executed up to a position is final there:
// what is verified then covers it. Another node may not have it yet when the first
// one tells of it.
func finalAt(ctx context.Context, c *client.Client, position string) error {
	ctx, cancel := context.WithTimeout(ctx, afterPatience)
	defer cancel()
	status, err := c.StatusAfter(ctx, position)
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Code() == "invalid" {
		return wrongUse(fmt.Errorf("--after %s: %w", position, err))
	}
	if err != nil {
		return fmt.Errorf("wait for position %s: %w", position, err)
	}
	wanted, err := parsePosition(position)
	if err != nil { // an offset of the log: what was executed up to there, at least
		if wanted, err = parsePosition(status.Last); err != nil {
			return err
		}
	}
	tick := time.NewTicker(afterPause)
	defer tick.Stop()
	for {
		last, err := lastFinal(ctx, c)
		switch {
		case err == nil && !last.Less(wanted):
			return nil
		case err == nil:
			err = fmt.Errorf("%w: the newest final transaction is at %s", errNotYet, last)
		case ctx.Err() == nil:
			return err // it was asked again as often as is good
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for position %s: %w", position, err)
		}
	}
}

// lastFinal returns the position of the last transaction in the newest final block.
func lastFinal(ctx context.Context, c *client.Client) (p ledger.Position, err error) {
	status, err := c.Status(ctx)
	if err != nil || status.Final == 0 {
		return p, err
	}
	b, err := c.Block(ctx, status.Final)
	if err != nil {
		return p, err
	}
	return parsePosition(b.Last)
}
