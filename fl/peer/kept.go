package peer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/train"
	"github.com/librum/librum/internal/durable"
)

// kept holds the tensors that a job leaves with its peers, or the control
// variates of a job by SCAFFOLD, which leaves none, as they were after
// each of the last two rounds that this peer trained: a round that is trained
// again begins with what it began with before, and gives the same bits.
type kept struct {
	dir   string            // a file each; empty: in memory
	files map[string][]byte // where there is no folder
}

// before returns the tensors with which a round begins: those after the newest
// round before it that was trained here, else those that the job's seed gives
// every peer. There are none where all tensors are shared.
func (k *kept) before(job ledger.Digest, round uint64, spec, initial train.Spec) ([]train.Param, error) {
	if !spec.Keeps() {
		return nil, nil
	}
	newest, err := k.newest(job, round)
	if err != nil {
		return nil, err
	}
	if newest == "" {
		params, err := train.InitialModel(initial)
		if err != nil {
			return nil, err
		}
		return spec.Kept(params), nil
	}
	b, err := k.read(newest)
	if err != nil {
		return nil, fmt.Errorf("read the tensors kept in %s: %w", newest, err)
	}
	params, err := train.DecodeKept(bytes.NewReader(b), int64(len(b)), spec)
	if err != nil {
		return nil, fmt.Errorf("read the tensors kept in %s, restore or remove the file: %w", newest, err)
	}
	return params, nil
}

// control returns the control variate with which a round begins, zero where none
// was kept.
func (k *kept) control(job ledger.Digest, round uint64, spec train.Spec) ([]train.Param, error) {
	newest, err := k.newest(job, round)
	if err != nil {
		return nil, err
	}
	if newest == "" {
		return train.Zeros(spec)
	}
	b, err := k.read(newest)
	if err != nil {
		return nil, fmt.Errorf("read the control variate kept in %s: %w", newest, err)
	}
	own, err := train.DecodeFile(bytes.NewReader(b), int64(len(b)), spec)
	if err != nil {
		return nil, fmt.Errorf("read the control variate kept in %s, restore or remove the file: %w", newest, err)
	}
	return own, nil
}

// newest returns the file of the newest round before the given one, "" where
// there is none.
func (k *kept) newest(job ledger.Digest, round uint64) (newest string, err error) {
	names, err := k.names(job)
	for _, name := range names { // ascending
		if name < keptName(job, round) {
			newest = name
		}
	}
	return newest, err
}

// after keeps the tensors with which a round ended, durably, and forgets those
// that no round begins with any more.
func (k *kept) after(job ledger.Digest, round uint64, params []train.Param) error {
	b, err := train.EncodeFile(params)
	if err != nil {
		return err
	}
	names, err := k.names(job)
	if err != nil {
		return err
	}
	own, last := keptName(job, round), ""
	if k.dir == "" {
		k.files[own] = b
	} else if err := durable.WriteFile(filepath.Join(k.dir, own), b, 0o600); err != nil {
		return fmt.Errorf("keep the tensors of the peer: %w", err)
	}
	for _, name := range names {
		if name >= own {
			break
		}
		if last != "" {
			if err := k.remove(last); err != nil {
				return fmt.Errorf("forget the tensors of an earlier round: %w", err)
			}
		}
		last = name
	}
	return nil
}

const keptSuffix = ".safetensors"

// keptName sorts the rounds of a job as their numbers do.
func keptName(job ledger.Digest, round uint64) string {
	return fmt.Sprintf("%s-%020d%s", job, round, keptSuffix)
}

// names returns what is kept of a job, ascending.
func (k *kept) names(job ledger.Digest) ([]string, error) {
	var names []string
	if k.dir == "" {
		for name := range k.files {
			names = append(names, name)
		}
	} else {
		entries, err := os.ReadDir(k.dir) // sorted
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("look for kept tensors: %w", err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, job.String()+"-") || !strings.HasSuffix(name, keptSuffix) || len(name) != len(keptName(job, 0))
	})
	slices.Sort(names)
	return names, nil
}

func (k *kept) read(name string) ([]byte, error) {
	if k.dir == "" {
		return k.files[name], nil
	}
	return durable.ReadFile(filepath.Join(k.dir, name), maxKeptBytes)
}

func (k *kept) remove(name string) error {
	if k.dir == "" {
		delete(k.files, name)
		return nil
	}
	return os.Remove(filepath.Join(k.dir, name))
}

// maxKeptBytes bounds a file: the largest model and its header.
const maxKeptBytes = 4*train.MaxParameters + 1<<20
