package node

import (
	"errors"
	"log/slog"
	"runtime"
	"time"

	"github.com/librum/librum/chain/aplos"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/lokka"
)

// The errors that callers can act on.
var (
	// ErrBusy refuses a transaction while the window is full; try again later.
	ErrBusy = errors.New("the window of transactions under way is full")
	// ErrNotFinal closes the door while too many blocks lack their quorum.
	ErrNotFinal = errors.New("too many blocks are not final")
	// ErrClock refuses while log time lags behind this node's clock.
	ErrClock = errors.New("log time lags behind the clock of this node")
	// ErrStopped tells that the node has stopped.
	ErrStopped = errors.New("the node has stopped")
	// ErrLogRewritten stops a node whose log is not the one it executed.
	ErrLogRewritten = errors.New("the log is not the one that this node executed")
	// ErrDiverged tells that this node's header differs from the quorum's.
	ErrDiverged = errors.New("this node's header differs from the quorum's")
)

// Config is what a node is made of.
type Config struct {
	Self      ledger.ID
	Key       *identity.Key
	OtherKeys []*identity.Key // that were in force for this node, or will be
	Genesis   *ledger.Genesis
	Chain     ledger.Digest // digest of the genesis file
	Contracts contract.Rules
	Verify    ledger.VerifyFunc
	// VerifyAll gives the verdicts of Verify for many signatures at once; nil
	// where they are to be checked one by one.
	VerifyAll func([]identity.Signed) []bool
	// Workers is how many goroutines execute a record; 0: one for each processor
	// that Go uses. No result depends on it.
	Workers int
	// ReadAhead is how many rows of the store are read at once before a record
	// executes; below 2: rows are read as they are needed, which a store on this
	// machine does faster. No result depends on it.
	ReadAhead int
	Now       func() time.Time
	Logger    *slog.Logger
	// MarkerDelay is how long an open block with a transaction may stand.
	MarkerDelay time.Duration
	// Diverged says that evidence of a divergence was kept: the node signs
	// nothing until an operator has looked.
	Diverged bool
	// KeepEvidence keeps the evidence of a divergence durably; nil for none.
	KeepEvidence func(lokka.Divergence) error
	// Window bounds the transactions let in and not yet executed; one member
	// has a quarter of it at most.
	Window int

	checked *identity.Checked // what the gateway checked, for execution
	members *members.Decoded  // for both
}

// MaxNotFinal is how many blocks may lack their quorum before the door closes.
const MaxNotFinal = 64

// The defaults of a node.
const (
	DefaultMarkerDelay = 200 * time.Millisecond
	DefaultWindow      = 16_384
)

// decodedMembers bounds the members that are kept decoded.
const decodedMembers = 16_384

const (
	clockLead    = time.Second            // how far a gateway's clock may be ahead of log time
	clockWait    = 5 * time.Second        // how long a transaction waits for log time
	wakeGap      = 250 * time.Millisecond // between wakes of one node
	tickInterval = 20 * time.Millisecond
	// maxBatchBytes keeps a record's envelope below [ledger.MaxRecordBytes].
	maxBatchBytes = ledger.MaxRecordBytes - 8<<10
)

func (c *Config) executor() aplos.Config {
	return aplos.Config{
		Chain: c.Chain, Shard: c.Genesis.Shard, Contracts: c.Contracts, Verify: c.Verify, VerifyAll: c.VerifyAll, Checked: c.checked,
		Workers: c.Workers, ReadAhead: c.ReadAhead, Members: c.members,
	}
}

// WithDefaults returns the configuration with defaults for what is not set.
func (c Config) WithDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MarkerDelay == 0 {
		c.MarkerDelay = DefaultMarkerDelay
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	return c
}
