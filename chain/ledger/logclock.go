package ledger

import (
	"bytes"
	"slices"
)

// LogClock derives log time from the times that nodes put on the log: the
// lower median, over the group, of each node's newest time, never going back.
// A minority that lies cannot push it ahead, and broker timestamps play no
// part.
type LogClock struct {
	_      struct{} `cbor:",toarray"`
	Now    int64    // log time, ms
	Newest []NodeTime
}

// NodeTime is the newest time that a node put on the log.
type NodeTime struct {
	_    struct{} `cbor:",toarray"`
	Node ID
	Time int64 // ms
}

// NewLogClock returns the clock of a log that starts at the given time.
func NewLogClock(group *Group, start int64) *LogClock {
	c := &LogClock{Now: start, Newest: make([]NodeTime, len(group.Nodes))}
	for i, n := range group.Nodes {
		c.Newest[i] = NodeTime{Node: n.Node, Time: start}
	}
	return c
}

// Observe takes the time of a node's record and returns the new log time. A
// node outside the group changes nothing.
func (c *LogClock) Observe(node ID, time int64) int64 {
	i, ok := slices.BinarySearchFunc(c.Newest, node, func(n NodeTime, id ID) int { return bytes.Compare(n.Node[:], id[:]) })
	if !ok || time <= c.Newest[i].Time {
		return c.Now
	}
	c.Newest[i].Time = time
	times := make([]int64, len(c.Newest))
	for j, n := range c.Newest {
		times[j] = n.Time
	}
	slices.Sort(times)
	c.Now = max(c.Now, times[(len(times)-1)/2])
	return c.Now
}

// Regroup goes on over the nodes of another group: who stays keeps its newest
// time, who comes begins with log time. Log time itself stays as it is.
func (c *LogClock) Regroup(group *Group) {
	newest := make([]NodeTime, len(group.Nodes))
	for i, n := range group.Nodes {
		newest[i] = NodeTime{Node: n.Node, Time: c.Now}
		if known := c.Of(n.Node); known != 0 {
			newest[i].Time = known
		}
	}
	c.Newest = newest
}

// Of returns the newest time of a node, or zero where it is not in the group.
func (c *LogClock) Of(node ID) int64 {
	for _, n := range c.Newest {
		if n.Node == node {
			return n.Time
		}
	}
	return 0
}
