package node

// Queue is one of the node's queues as it stands.
type Queue struct {
	Name   string // as in pipeline.go, or as the link has it
	Length int
	Bound  int
}

// Queues returns all queues of the node, as pipeline.go lists them, and those to
// other nodes.
func (n *Node) Queues() []Queue {
	p := n.pipeline
	return append([]Queue{
		queue("door", p.door),
		queue("control", p.control),
		queue("entries", p.entries),
		queue("commits", p.commits),
		queue("kept", p.kept),
		queue("signatures", p.signatures),
		queue("pulls", p.pulls),
		queue("old_pulls", p.oldPulls),
		queue("answers", p.answers),
		queue("want_final", p.wantFinal),
		queue("evidence", p.evidence),
	}, n.link.Queues()...)
}

func queue[T any](name string, c chan T) Queue {
	return Queue{Name: name, Length: len(c), Bound: cap(c)}
}
