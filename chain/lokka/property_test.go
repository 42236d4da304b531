package lokka_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// naiveHeaders cuts the whole log at once, by the rule as one would say it,
// and computes roots with the ledger's plain functions: the machine's twin.
func naiveHeaders(s *sim) [][]byte {
	var headers [][]byte
	n := &simNode{sim: s} // executes as the nodes do
	previous := s.config.Previous
	var block []lokka.Record
	for _, r := range s.log {
		r.Results = n.execute(&r)
		block = append(block, r)
		var records, transactions, results [][]byte
		size := 0
		for _, b := range block {
			size += len(b.Envelope)
			if b.Skipped != nil {
				records = append(records, b.Skipped[:])
			} else {
				records = append(records, b.Envelope)
			}
			transactions = append(transactions, b.Transactions...)
			for i := range b.Results {
				leaf, err := ledger.Encode(&b.Results[i])
				s.must(err)
				results = append(results, leaf)
			}
		}
		full := len(transactions) >= int(s.config.Limits.BlockTransactions) || size >= int(s.config.Limits.BlockBytes)
		marked := r.Skipped == nil && r.Kind == ledger.RecordMarker && r.Marker == uint64(len(headers)+1)
		if len(transactions) == 0 || !full && !marked {
			continue
		}
		time := int64(0)
		for _, b := range block {
			if b.Skipped == nil {
				time = b.LogTime
			}
		}
		last := ledger.Position{Offset: r.Offset}
		if len(r.Transactions) > 0 {
			last.Index = uint32(len(r.Transactions) - 1)
		}
		height := uint64(len(headers) + 1)
		groupDigest, err := s.groupAt(height + 1).Digest()
		s.must(err)
		h := ledger.Header{
			Version: ledger.Version, Chain: s.config.Chain, Epoch: s.groupAt(height).Epoch, Height: height, Previous: previous,
			Records: ledger.MerkleRoot(records), Transactions: ledger.MerkleRoot(transactions), Results: ledger.MerkleRoot(results),
			State: n.state, First: ledger.Position{Offset: block[0].Offset}, Last: last, LogTime: time, Group: groupDigest,
		}
		b, err := h.Bytes()
		s.must(err)
		headers, previous, block = append(headers, b), ledger.Hash(b), nil
	}
	return headers
}

// TestAnyWeather lets a random log meet random reading, loss, doubling,
// reordering, crashes and, now and then, a node that computes another state.
// When the weather clears, the honest nodes hold the naive cutter's headers and
// all of them are final; who computed otherwise knows it. That no node signs
// two headers of a height is checked at each signature.
func TestAnyWeather(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := ledger.Limits{
			BlockTransactions: rapid.Uint32Range(1, 8).Draw(t, "limit of transactions"),
			BlockBytes:        rapid.Uint32Range(50, 400).Draw(t, "limit of bytes"),
		}
		s := newSim(t, 4, limits, 200)
		s.quiet = true
		wrong := rapid.IntRange(-3, 3).Draw(t, "wrong node")
		if wrong >= 0 {
			s.nodes[wrong].wrong = true
		}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			s.weather(t)
		}
		s.clear()
		s.checkEnd(t, wrong)
	})
}

// TestAnyWeatherAcrossEpochs does the same while nodes come and go.
func TestAnyWeatherAcrossEpochs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSim(t, 6, ledger.Limits{BlockTransactions: rapid.Uint32Range(1, 4).Draw(t, "limit of transactions"), BlockBytes: 400}, 200)
		s.quiet = true
		s.group.Nodes = s.group.Nodes[:4] // two come later, or never
		for _, n := range s.nodes {
			n.start()
		}
		first := uint64(1)
		for range rapid.IntRange(1, 4).Draw(t, "handovers") {
			first += rapid.Uint64Range(1, 6).Draw(t, "blocks")
			members := rapid.SliceOfNDistinct(rapid.IntRange(1, 6), 1, 6, rapid.ID).Draw(t, "group")
			slices.Sort(members)
			s.handOver(first, members...)
		}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			s.weather(t)
		}
		s.clear()
		s.checkEnd(t, -1)
	})
}

func (s *sim) weather(t *rapid.T) {
	n := s.nodes[rapid.IntRange(0, len(s.nodes)-1).Draw(t, "node")]
	switch rapid.SampledFrom([]string{"records", "records", "read", "read", "step", "deliver", "deliver", "drop", "double", "tick", "wait", "crash", "up"}).Draw(t, "what") {
	case "records":
		s.record(rapid.SampledFrom([][]string{
			{"tx", "1"}, {"tx", "3"}, {"tx", "2", "90"}, {"clock"}, {"wake"}, {"skipped"}, {"marker", "1"}, {"marker", "2"}, {"marker", "5"},
		}).Draw(t, "record"))
	case "read":
		if n.up {
			n.read()
		}
	case "step":
		if n.up && n.next < uint64(len(s.log)) {
			n.step()
			n.work()
		}
	case "deliver":
		for range rapid.IntRange(1, 10).Draw(t, "times") {
			if len(s.queue) > 0 {
				s.deliver(rapid.IntRange(0, len(s.queue)-1).Draw(t, "message"))
			}
		}
	case "drop":
		if len(s.queue) > 0 {
			i := rapid.IntRange(0, len(s.queue)-1).Draw(t, "message")
			s.queue = append(s.queue[:i], s.queue[i+1:]...)
		}
	case "double":
		if len(s.queue) > 0 {
			s.queue = append(s.queue, s.queue[rapid.IntRange(0, len(s.queue)-1).Draw(t, "message")])
		}
	case "tick":
		s.tick(rapid.Int64Range(1, 1500).Draw(t, "ms"))
	case "wait":
		if n.up {
			n.machine.WaitFinal(s.now)
			n.work()
		}
	case "crash":
		if n.up {
			n.crashAt = rapid.SampledFrom([]string{"store", "sign", "send"}).Draw(t, "at")
		}
	case "up":
		if !n.up {
			n.start()
			n.work()
		}
	}
}

// clear lets everything run without loss until it must have come to rest.
func (s *sim) clear() {
	for _, n := range s.nodes {
		n.crashAt = ""
		if !n.up {
			n.start()
			n.work()
		}
	}
	for range 40 {
		for _, n := range s.nodes {
			n.read()
		}
		s.deliverAll(0, 0, 0, false, false)
		s.tick(5_000)
	}
}

func (s *sim) checkEnd(t *rapid.T, wrong int) {
	want := naiveHeaders(s)
	transactions := 0
	for _, r := range s.log {
		transactions += len(r.Transactions)
	}
	if transactions > 0 && len(want) == 0 {
		t.Fatalf("%d transactions and no block: nobody sent a marker", transactions)
	}
	for i, n := range s.nodes {
		stats := n.machine.Stats()
		if stats.OpenTransactions != 0 {
			t.Fatalf("node %d holds %d transactions in an open block", n.number, stats.OpenTransactions)
		}
		if len(n.blocks) != len(want) {
			t.Fatalf("node %d has %d blocks, want %d", n.number, len(n.blocks), len(want))
		}
		if i == wrong && len(want) > 0 {
			if !stats.Diverged || !n.diverged || stats.Final != 0 {
				t.Fatalf("node %d computed another state and does not know it: %+v", n.number, stats)
			}
			continue
		}
		if stats.Diverged || stats.Final != uint64(len(want)) || n.machine.NotFinal() != 0 || n.final != stats.Final {
			t.Fatalf("node %d: final %d of %d, diverged %t", n.number, stats.Final, len(want), stats.Diverged)
		}
		for h, header := range want {
			b := &n.blocks[h]
			if !bytes.Equal(b.header, header) {
				t.Fatalf("node %d: header %d differs from the naive cutter's", n.number, h+1)
			}
			group := s.groupAt(uint64(h) + 1)
			if k := ledger.CountSigners(header, group, b.signatures, verify); k < group.Quorum() {
				t.Fatalf("node %d stored %d signatures beside block %d, a quorum has %d", n.number, k, h+1, group.Quorum())
			}
		}
	}
}
