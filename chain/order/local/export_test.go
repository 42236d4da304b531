package local

// Queued returns how many records wait for the committer.
func Queued(l *Log) int { return len(l.queue) }

// FrameBytes returns a frame.
func FrameBytes(seed uint32, offset, acked uint64, payload []byte) []byte {
	return appendFrame(nil, seed, frame{offset: offset, acked: acked, payload: payload})
}

// Seed returns the seed of a segment's sums.
func Seed(segment []byte) uint32 {
	h, err := parseSegmentHeader(segment[:segmentHeaderSize])
	if err != nil {
		panic(err)
	}
	return h.seed()
}
