package main

// The exit codes of all commands.
const (
	exitNo      = 1 // the answer is no
	exitUsage   = 2 // wrong use
	exitUnknown = 3 // could not tell: unreachable, missing, pruned
)

// exitError is an error with the exit code it stands for. A nil err ends the
// command quietly: it has said all there is to say.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }
