package contract

import (
	"bytes"
	"math"

	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// Bounds of arguments.
const (
	MaxCohort       = job.MaxPeers // with all of them refused, a commit is 60 kB of a transaction's 64 KiB
	MaxKeyBytes     = 128          // of an idempotency key
	MaxActiveJobs   = 64           // of one creator
	MaxReceipts     = 8
	MaxMetrics      = 16
	MaxMetricLength = 40
	MaxFileBytes    = 1 << 40
)

// Lease is how long a term lasts after its last accepted transaction, in ms of
// log time.
const Lease = 30_000

// Names of metrics that begin with EvalPrefix are of the model that a round began
// with, on rows that the peer held out; EvalExamples is how many, as it claims: a
// whole number, at most what num_examples may be.
const (
	EvalPrefix   = "eval_"
	EvalExamples = EvalPrefix + "examples"
)

// Metrics are numbers by name. Names are lower-case letters, digits and
// underscores.
type Metrics map[string]float64

// Validate refuses more metrics than [MaxMetrics], names that break the rule
// and numbers that are not finite.
func (m Metrics) Validate() error {
	if len(m) > MaxMetrics {
		return badArguments("metrics", "%d of them, at most %d are allowed", len(m), MaxMetrics)
	}
	for name, value := range m {
		if !metricName(name) {
			return badArguments("metrics", "a name breaks the rule: 1 to %d of a-z 0-9 _, a letter first", MaxMetricLength)
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return badArguments("metrics", "a value is not finite")
		}
	}
	return nil
}

func metricName(s string) bool {
	if len(s) == 0 || len(s) > MaxMetricLength || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// checkFile refuses a digest or size that no file has.
func checkFile(field string, digest ledger.Digest, size uint64) error {
	if digest.IsZero() || size == 0 || size > MaxFileBytes {
		return badArguments(field, "want the SHA-256 of a file of 1 to %d bytes", int64(MaxFileBytes))
	}
	return nil
}

// checkAscending refuses lists of ids that are too long, out of order or name
// one twice.
func checkAscending(field string, ids []ledger.ID, most int) error {
	if len(ids) > most {
		return badArguments(field, "%d ids, at most %d are allowed", len(ids), most)
	}
	for i := 1; i < len(ids); i++ {
		if compareIDs(ids[i-1], ids[i]) >= 0 {
			return badArguments(field, "id %d is not greater than the one before", i)
		}
	}
	return nil
}

func compareIDs(a, b ledger.ID) int { return bytes.Compare(a[:], b[:]) }

func badArguments(field, format string, args ...any) error {
	return contract.Errorf(contract.CodeBadArguments, field+": "+format, args...)
}
