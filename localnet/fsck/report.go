package fsck

import (
	"errors"
	"fmt"
)

// Finding is something that is not as it should be.
type Finding struct {
	Kind    string `json:"kind"`
	Where   string `json:"where"`
	Message string `json:"message"`
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Where, f.Kind, f.Message) }

// The states of the manifest.
const (
	ManifestWhole   = "whole"
	ManifestMissing = "missing"
	ManifestDamaged = "damaged"
)

// Checked counts what was checked.
type Checked struct {
	Files   uint64 `json:"files"` // compared with the manifest
	Bytes   uint64 `json:"bytes"` // of them
	Nodes   uint64 `json:"nodes"`
	Records uint64 `json:"records"` // of the log
	Blocks  uint64 `json:"blocks"`
	Rows    uint64 `json:"rows"`
	Blobs   uint64 `json:"blobs"`
	Keys    uint64 `json:"keys"`
}

// maxFindings bounds what is kept of each list; more is only counted.
const maxFindings = 1000

// Report is the outcome.
type Report struct {
	Manifest string
	Checked  Checked
	Findings []Finding // the first ones
	Found    int       // all
	Rebuilt  []Finding // damaged files that are made again by themselves
	Notes    []string
}

func (r *Report) find(kind, where, format string, args ...any) {
	r.Found++
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, Finding{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)})
	}
}

func (r *Report) rebuilt(kind, where, format string, args ...any) {
	if len(r.Rebuilt) < maxFindings {
		r.Rebuilt = append(r.Rebuilt, Finding{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)})
	}
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// errStop ends a walk that has said what it found.
var errStop = errors.New("found")
