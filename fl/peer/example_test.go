package peer_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/peer"
)

func Example() {
	dir, err := os.MkdirTemp("", "egress-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	log, err := peer.OpenEgress(filepath.Join(dir, "egress.jsonl"))
	if err != nil {
		panic(err)
	}
	// The line is durable before the file leaves.
	update := []byte("an update")
	job := ledger.Hash([]byte("a job"))
	err = log.Record(peer.Departure{Digest: ledger.Hash(update), Size: uint64(len(update)), Job: job, Round: 1})
	fmt.Println(err, log.OtherJobs(job), log.OtherJobs(ledger.Digest{1}), log.Close())
	// Output: <nil> 0 1 <nil>
}
