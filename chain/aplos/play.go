package aplos

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// minShare is how many turns at once are worth a goroutine: it takes some
// microseconds to start and wait for, a transfer about five.
const minShare = 16

// play executes the turns of a record. What they leave equals what they leave
// one after the other, by however many workers (see [schedule]).
func (e *Executor) play(turns []turn) error {
	if err := e.readAhead(turns); err != nil {
		return err
	}
	e.foresee(turns)
	if e.config.Workers < 2 || len(turns) < 2*minShare {
		for i := range turns {
			if err := e.playOne(&turns[i]); err != nil {
				return err
			}
		}
		return nil
	}
	for _, wave := range e.schedule.waves(turns) {
		if err := e.playWave(wave); err != nil {
			return err
		}
	}
	return nil
}

// playWave executes turns that do not conflict.
func (e *Executor) playWave(wave []*turn) error {
	if len(wave) < 2*minShare {
		for _, t := range wave {
			if err := e.playOne(t); err != nil {
				return err
			}
		}
		return nil
	}
	readers := e.state.readers(e.config.Workers)
	spread(e.config.Workers, len(wave), minShare, func(worker, from, to int) {
		for _, t := range wave[from:to] {
			e.execute(&readers[worker], t)
		}
	})
	e.state.keepRead(readers)
	for _, t := range wave {
		if err := e.land(t); err != nil {
			return err
		}
	}
	return nil
}

func (e *Executor) playOne(t *turn) error {
	e.execute(cached{e.state}, t)
	return e.land(t)
}

// land lets what a turn left take effect.
func (e *Executor) land(t *turn) error {
	if t.err != nil {
		return fmt.Errorf("execute transaction %s: %w", t.position, t.err)
	}
	if t.burnt {
		e.replay.burn(t.ID, e.height)
	}
	e.state.write(t.writes)
	return nil
}

// spread has up to so many workers call f for all of 0 … n-1, in shares of that
// size, and waits for them. The caller is worker 0.
func spread(workers, n, share int, f func(worker, from, to int)) {
	var taken atomic.Int64
	work := func(worker int) {
		for {
			to := int(taken.Add(int64(share)))
			if to-share >= n {
				return
			}
			f(worker, to-share, min(to, n))
		}
	}
	var others sync.WaitGroup
	for w := 1; w < min(workers, (n+share-1)/share); w++ {
		others.Go(func() { work(w) })
	}
	work(0)
	others.Wait()
}
