package node

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// The readers of what other nodes ask the store for.
const (
	pullReaders  = 2
	pullReadTime = 5 * time.Second // for one height, then there is no answer
)

// answerTo says what this node knows of a height: the group knows the newest
// ones, the store those that a node far behind asks for. The core calls it and
// reads no store: readers of their own do, and while they have their hands full
// whoever asks is told so.
func (n *Node) answerTo(p pullRequest) {
	if header, signatures := n.core.Machine.Answer(p.height); header != nil {
		p.reply(answer{header: header, signatures: signatures})
		return
	}
	if p.height > n.Status().Height { // not stored yet
		p.reply(answer{})
		return
	}
	select {
	case n.pipeline.oldPulls <- p:
	default:
		p.reply(answer{busy: true})
	}
}

// readPulls answers from the store until ctx ends.
func (n *Node) readPulls(ctx context.Context) error {
	readers, ctx := errgroup.WithContext(ctx)
	for range pullReaders {
		readers.Go(func() error {
			for {
				select {
				case p := <-n.pipeline.oldPulls:
					p.reply(n.readPull(ctx, p))
				case <-ctx.Done():
					return nil
				}
			}
		})
	}
	return readers.Wait()
}

func (n *Node) readPull(ctx context.Context, p pullRequest) answer {
	select {
	case <-p.gone:
		return answer{}
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, pullReadTime)
	defer cancel()
	header, signatures, err := n.Header(ctx, p.height)
	switch {
	case ctx.Err() != nil:
		return answer{busy: true}
	case err != nil:
		return answer{} // pruned, or a fault that the keeper meets too
	}
	return answer{header: header, signatures: signatures}
}
