package job

// State is where a job stands.
type State string

// The states of a job. It is created waiting, and runs from its first round.
const (
	StateWaiting   State = "waiting"  // no round is open: peers are missing, or the last round was void
	StateRunning   State = "running"  // rounds follow each other
	StateFinished  State = "finished" // all rounds are final, the model card is written
	StateFailed    State = "failed"   // ended without its model; the reason says why
	StateCancelled State = "cancelled"
)

// States lists all states of a job.
func States() []State {
	return []State{StateWaiting, StateRunning, StateFinished, StateFailed, StateCancelled}
}

// Terminal reports whether a job in this state never leaves it.
func (s State) Terminal() bool {
	return s == StateFinished || s == StateFailed || s == StateCancelled
}

// Reason says why a job waits or how it ended.
type Reason string

// The reasons of a state. Running and finished have none.
const (
	ReasonPeers      Reason = "peers"       // waiting: fewer peers than min_available_peers, or not the one that the strategy trusts
	ReasonVoid       Reason = "void"        // waiting: the round was void and is opened again
	ReasonNoPeers    Reason = "no_peers"    // failed: no round could be opened for wait_for_peers_s
	ReasonNoModel    Reason = "no_model"    // failed: nobody had the initial model that the spec names, or it is another's, for wait_for_peers_s
	ReasonNoChains   Reason = "no_chains"   // failed: no quorum of nodes had a hash chain to draw a cohort by, for wait_for_peers_s
	ReasonVoidRounds Reason = "void_rounds" // failed: a round was void MaxVoids times running
	ReasonNoRoot     Reason = "no_root"     // waiting or failed as void and void_rounds are, or failed as no_peers is, without the peer that the strategy trusts
	ReasonMaxTerms   Reason = "max_terms"   // failed: max_terms terms were lost over one round
	ReasonOutvoted   Reason = "outvoted"    // failed: every node that could coordinate has been outvoted
	ReasonCreator    Reason = "creator"     // cancelled by its creator
)

// MaxVoids is how many void rounds running end a job.
const MaxVoids = 3

// RoundState is where a round stands.
type RoundState string

// The states of a round. A void round is opened again under its number; the
// round of a job that ended stays in the state it had.
const (
	RoundDrawing   RoundState = "drawing"   // the roster is frozen, nodes reveal what its cohort is drawn by
	RoundOpen      RoundState = "open"      // peers train and submit
	RoundClosed    RoundState = "closed"    // the set of updates is fixed
	RoundCommitted RoundState = "committed" // a result stands on the ledger, nodes recompute
	RoundFinal     RoundState = "final"     // a quorum attested the result
	RoundVoid      RoundState = "void"      // fewer updates than min_train_peers, or not the trusted peer's
	RoundFailed    RoundState = "failed"    // too many terms were lost over it, or nobody is left to take one
)

// Over reports whether a round in this state takes no further step, but for
// being opened again where it was void.
func (s RoundState) Over() bool {
	return s == RoundFinal || s == RoundVoid || s == RoundFailed
}
