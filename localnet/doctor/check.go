package doctor

import (
	"fmt"
	"time"

	"github.com/librum/librum/internal/host"
)

// State is how a check came out.
type State string

// The states, from good to bad.
const (
	OK      State = "ok"
	Warn    State = "warn"    // it works, and may soon not
	Unknown State = "unknown" // it could not be looked at
	Bad     State = "bad"
)

// Check is one thing that was looked at.
type Check struct {
	Name    string `json:"name"`
	State   State  `json:"state"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // what to do, unless it is fine
}

// Checks is a list under way.
type Checks []Check

func (c *Checks) add(name string, state State, fix, format string, args ...any) {
	if state == OK {
		fix = ""
	}
	*c = append(*c, Check{Name: name, State: state, Message: fmt.Sprintf(format, args...), Fix: fix})
}

// Worst returns the worst state.
func (c Checks) Worst() State {
	worst := OK
	rank := map[State]int{OK: 0, Warn: 1, Unknown: 2, Bad: 3}
	for _, x := range c {
		if rank[x.State] > rank[worst] {
			worst = x.State
		}
	}
	return worst
}

// The bounds between states.
const (
	maxAhead       = time.Second // of log time before a node's clock: the gateway waits then
	maxSkew        = 2 * time.Second
	badSkew        = 30 * time.Second
	expiresSoon    = 30 * 24 * time.Hour
	lowSpace       = 2 << 30 // bytes
	noSpace        = 200 << 20
	lowShare       = 20  // a twentieth
	noShare        = 100 // a hundredth
	fewFiles       = 4096
	tooFewFiles    = 1024
	manyRecords    = 100_000 // behind the stores: a start takes longer
	manyNotFinal   = 8
	secretForOwner = 0o077
)

// machine looks at what every directory needs of the machine.
func (c *Checks) machine(path string) {
	const space = "free some space, or move the directory; a node whose disk is full stops"
	s, err := host.Disk(path)
	if err != nil {
		c.add("disk", Unknown, "look at it by hand: df -h, df -i", "%v", err)
	} else {
		c.add("disk", room(s.Free, s.Total, lowSpace, noSpace), space, "%s of %s free", size(s.Free), size(s.Total))
		if s.TotalFiles > 0 {
			c.add("inodes", room(s.FreeFiles, s.TotalFiles, 100_000, 10_000), space, "%d of %d free", s.FreeFiles, s.TotalFiles)
		}
	}
	files, err := host.OpenFiles()
	switch {
	case err != nil:
		c.add("open files", Unknown, "look at it by hand: ulimit -n", "%v", err)
	case files < tooFewFiles:
		c.add("open files", Bad, "raise it: ulimit -n 65536, or LimitNOFILE= of the unit", "at most %d", files)
	case files < fewFiles:
		c.add("open files", Warn, "raise it: ulimit -n 65536, or LimitNOFILE= of the unit", "at most %d", files)
	default:
		c.add("open files", OK, "", "at most %d", files)
	}
}

// room judges what is left: by its amount and by its share of the whole.
func room(free, total, low, none uint64) State {
	switch {
	case free < none && free < total/noShare:
		return Bad
	case free < low && free < total/lowShare, free < none:
		return Warn
	}
	return OK
}

func size(n uint64) string {
	const unit = 1 << 10
	div, name := uint64(1), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if n/div < unit {
			break
		}
		div, name = div*unit, next
	}
	return fmt.Sprintf("%.1f %s", float64(n)/float64(div), name)
}

// expiry judges a time after which something no longer holds.
func (c *Checks) expiry(name string, now, end time.Time, fix string) {
	left := end.Sub(now)
	switch {
	case left <= 0:
		c.add(name, Bad, fix, "expired at %s", end.UTC().Format(time.RFC3339))
	case left < expiresSoon:
		c.add(name, Warn, fix, "expires at %s, in %d days", end.UTC().Format(time.RFC3339), int(left.Hours()/24))
	default:
		c.add(name, OK, "", "holds until %s", end.UTC().Format(time.RFC3339))
	}
}

// logTime compares a clock with log time, which lags where nothing happens and
// runs ahead only where a clock is wrong.
func (c *Checks) logTime(name string, now time.Time, ms int64) {
	at := time.UnixMilli(ms)
	if ahead := at.Sub(now); ahead > maxAhead {
		c.add(name, Bad, "set this machine's clock (NTP): a node answers 503 until log time has caught up, and the log's is the nodes' median",
			"log time %s is %s ahead of this machine's clock", at.UTC().Format(time.RFC3339), ahead.Round(time.Millisecond))
		return
	}
	c.add(name, OK, "", "log time %s, not ahead of this machine's clock", at.UTC().Format(time.RFC3339))
}
