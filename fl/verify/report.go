package verify

import "fmt"

// Basis says what a line rests on.
type Basis string

// The bases of a line; the last two go with a format.
const (
	Recomputed Basis = "recomputed"
	Expired    Basis = "averages not recomputable: updates are gone"
	Withheld   Basis = "averages not recomputable from here: updates are not given to this reader"
)

// Attested returns the basis of what k of n nodes attested.
func Attested(k, n int) Basis { return Basis(fmt.Sprintf("attested by %d of %d", k, n)) }

// ClaimOf returns the basis of what somebody says without proof.
func ClaimOf(who string) Basis { return Basis("claim of " + who) }

// Line is one fact about the job.
type Line struct {
	Round uint64 // 0: about the whole job
	What  string
	Basis Basis
}

// Finding is the first thing that is wrong.
type Finding struct { //nolint:errname // a result, which travels as an error within the package

	Kind    string
	Where   string
	Message string
}

func (f *Finding) Error() string { return fmt.Sprintf("%s at %s: %s", f.Kind, f.Where, f.Message) }

// Report is the outcome of verifying a job.
type Report struct {
	Lines      []Line
	Rounds     uint64 // checked
	Updates    uint64 // whose bytes were checked
	Averages   uint64 // recomputed
	Attested   uint64 // rounds whose average rests on the quorum's word alone
	Incomplete bool   // something needed is gone
	First      *Finding
}

func finding(kind, where, format string, args ...any) error {
	return &Finding{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)}
}
