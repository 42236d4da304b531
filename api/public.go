package api

import (
	"sync"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract"
	"github.com/librum/librum/chain/ledger"
	fl "github.com/librum/librum/fl/contract"
)

// public finds out which blobs the door gives away: models that rounds began
// with or ended in, and model cards. Updates are read by the nodes that attest
// them and by nobody else.
type public struct {
	state contract.Range

	mu    sync.Mutex
	known map[ledger.Digest]v1.File
}

// maxPublic bounds what is remembered; it is forgotten all at once.
const maxPublic = 4_096

func newPublic(state contract.Range) *public {
	return &public{state: state, known: map[ledger.Digest]v1.File{}}
}

// find returns the file with that digest if it is public.
func (p *public) find(digest ledger.Digest) (v1.File, bool, error) {
	p.mu.Lock()
	file, ok := p.known[digest]
	p.mu.Unlock()
	if ok {
		return file, true, nil
	}
	found := &look{digest: digest}
	// The newest models are asked for most: jobs come first, all their rounds
	// after them.
	for _, search := range []func() error{
		func() error { return each(p.state, fl.PrefixJob, found.inJob) },
		func() error { return each(p.state, fl.PrefixRound, found.inRound) },
	} {
		if err := search(); err != nil || found.file != nil {
			return p.keep(found.file), found.file != nil, err
		}
	}
	return v1.File{}, false, nil
}

func (p *public) keep(file *v1.File) v1.File {
	if file == nil {
		return v1.File{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxPublic {
		clear(p.known)
	}
	p.known[file.Digest] = *file
	return *file
}

// look is one search.
type look struct {
	digest ledger.Digest
	file   *v1.File
}

func (l *look) inJob(value []byte) (done bool, err error) {
	var j fl.Job
	if err := ledger.Decode("job", value, contract.MaxWriteBytes, &j); err != nil {
		return true, err
	}
	return l.at(j.Model, j.ModelSize) || l.at(j.Card, j.CardSize), nil
}

func (l *look) inRound(value []byte) (done bool, err error) {
	var r fl.Round
	if err := ledger.Decode("round", value, contract.MaxWriteBytes, &r); err != nil {
		return true, err
	}
	return l.at(r.Model, r.ModelSize), nil
}

func (l *look) at(digest ledger.Digest, size uint64) bool {
	if digest == l.digest {
		l.file = &v1.File{Digest: digest, Size: size}
	}
	return l.file != nil
}

// each visits rows page by page until one is the last wanted.
func each(state contract.Range, prefix string, visit func(value []byte) (done bool, err error)) error {
	const page = 256
	for after := contract.Key(""); ; {
		rows, more, err := scan(state, prefix, after, page)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if done, err := visit(r.Value); done || err != nil {
				return err
			}
			after = r.Key
		}
		if !more {
			return nil
		}
	}
}
