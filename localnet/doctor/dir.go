package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract/governance"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/keyfile"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/node"
	"github.com/librum/librum/chain/order/local"
	"github.com/librum/librum/chain/store"
	"github.com/librum/librum/chain/store/pebble"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// Dir looks at a directory. The error is nil unless there is no network.
func Dir(ctx context.Context, dir localnet.Dir, now time.Time) (c Checks, err error) {
	g, chain, err := dir.LoadGenesis()
	if errors.Is(err, localnet.ErrNoNetwork) {
		return nil, err
	}
	c.machine(string(dir))
	if err != nil {
		c.add("genesis", Bad, "put it back from a copy: its digest is the chain's id", "%v", err)
		return c, nil
	}
	c.add("genesis", OK, "", "chain %s, %q, protocol version %d", chain, g.Name, g.Version)
	c.rights(dir)
	c.keys(ctx, dir, g, chain)
	for _, d := range g.Delegates {
		c.expiry("token's key", now, time.UnixMilli(d.Expiry), "make the network's delegate key anew: what the token asks for is refused")
	}
	c.certificates(dir, now)
	c.diverged(dir, g)
	c.stopped(ctx, dir, g, chain, now)
	return c, nil
}

// rights looks at who may read secrets and write anything.
func (c *Checks) rights(dir localnet.Dir) {
	state, where := OK, "secrets are for their owner alone"
	err := dir.WalkFiles(func(path string, info fs.FileInfo) error {
		mode := info.Mode().Perm()
		if localnet.KindOf(path).Secret() && mode&secretForOwner != 0 {
			state, where = Bad, fmt.Sprintf("%s has mode %04o", path, mode)
		} else if mode&0o022 != 0 && state == OK {
			state, where = Warn, fmt.Sprintf("others may write %s, mode %04o", path, mode)
		}
		return nil
	})
	if err != nil {
		state, where = Unknown, err.Error()
	}
	c.add("permissions", state, "chmod 600 for secrets, go-w for everything else; then think of who may have read them", "%s", where)
}

// places returns how many nodes the directory has, or should have.
func places(dir localnet.Dir, g *ledger.Genesis) int {
	n, _ := dir.CountNodes() // as far as can be told
	return max(n, len(g.Group.Nodes))
}

// keys looks whether nodes and token can sign: by the genesis, and by the stores
// of nodes that came or changed their keys later.
func (c *Checks) keys(ctx context.Context, dir localnet.Dir, g *ledger.Genesis, chain ledger.Digest) {
	known := map[ledger.PublicKey]bool{}
	for _, n := range g.Group.Nodes {
		known[n.Key] = true
	}
	state, what, locked := OK, fmt.Sprintf("%d nodes have theirs", places(dir, g)), 0
	for i := range places(dir, g) {
		key, err := localnet.LoadKey(dir.Key(i))
		if errors.Is(err, fs.ErrPermission) {
			state, what = Unknown, err.Error()
			continue
		}
		if errors.Is(err, keyfile.ErrLocked) {
			locked++
			continue
		}
		if err != nil {
			state, what = Bad, err.Error()
			continue
		}
		seat, err := seatOf(ctx, dir, i, g, chain)
		switch {
		case err == nil && seat.Key:
		case err == nil && seat.Member:
			state, what = Bad, fmt.Sprintf("none of those of node-%d is the one in force", i)
		case err == nil:
			c.add(fmt.Sprintf("node-%d", i), Warn, "nothing, if it left, or is not agreed on yet: librum gov status", "it is not in the group that signs: it follows")
		case !known[key.Public()] && state == OK:
			state, what = Warn, fmt.Sprintf("that of node-%d is not of the genesis: it must be on the ledger, which can't be read now", i)
		}
	}
	if locked > 0 {
		what += fmt.Sprintf("; %d are encrypted or on a token and were not looked at", locked)
	}
	c.add("keys", state, "put the key back from a copy; the network does not start without it", "%s", what)
	if _, err := dir.ReadToken(); err != nil {
		c.add("token", Bad, "put it back from a copy", "%v", err)
	}
}

// seatOf asks a node's own store, which can be read while the network is stopped.
func seatOf(ctx context.Context, dir localnet.Dir, index int, g *ledger.Genesis, chain ledger.Digest) (localnet.Seat, error) {
	if _, err := os.Stat(dir.Store(index)); err != nil {
		return localnet.Seat{}, err
	}
	s, err := pebble.Open(dir.Store(index), pebble.Options{Chain: chain, Shard: g.Shard, ReadOnly: true})
	if err != nil {
		return localnet.Seat{}, err
	}
	defer func() { _ = s.Close() }() // it was only read
	return dir.Seat(ctx, index, s)
}

// certificates looks at all that stand in the directory.
func (c *Checks) certificates(dir localnet.Dir, now time.Time) {
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		c.add("certificates", Unknown, "", "%v", err)
		return
	}
	defer func() { _ = root.Close() }() // it was only read
	all, err := cert.Expiries(root)
	for _, e := range all {
		switch {
		case errors.Is(e.Err, fs.ErrPermission):
			c.add("certificate", Unknown, "", "%s: %v", e.Path, e.Err)
		case e.Err != nil:
			c.add("certificate", Bad, "put it back from a copy", "%s: %v", e.Path, e.Err)
		case e.List:
			c.expiry("list of revoked certificates "+e.Path, now, e.Until, "have the authority write it anew: after that those who use it talk to nobody")
		default:
			c.expiry("certificate "+e.Path, now, e.Until, "have it renewed: after that nobody talks to who shows it")
		}
	}
	if err != nil {
		c.add("certificates", Unknown, "", "%v", err)
	}
}

func (c *Checks) diverged(dir localnet.Dir, g *ledger.Genesis) {
	for i := range places(dir, g) {
		c.evidence(fullnode.Dir(dir.Node(i)), fmt.Sprintf("node-%d", i))
	}
}

// evidence looks for what a node keeps when it has diverged.
func (c *Checks) evidence(dir fullnode.Dir, name string) {
	diverged, err := dir.HasDiverged()
	switch {
	case err != nil:
		c.add("diverged", Bad, "the node does not start; docs/runbooks/damage.md", "%v", err)
	case diverged:
		c.add("diverged", Bad, "the node signs nothing; docs/runbooks/damage.md", "%s computed another header than the quorum signed", name)
	}
}

// stopped looks into stores and log, which can be done while nobody runs them.
func (c *Checks) stopped(ctx context.Context, dir localnet.Dir, g *ledger.Genesis, chain ledger.Digest, now time.Time) {
	if _, err := os.Stat(dir.Log()); errors.Is(err, fs.ErrNotExist) {
		c.add("run", OK, "", "the network has not run yet")
		return
	}
	log, err := local.Open(ctx, vfs.Default, dir.Log(), local.Options{ReadOnly: true})
	switch {
	case errors.Is(err, local.ErrLocked):
		c.add("run", OK, "", "the network runs: for nodes and finality ask --server")
		return
	case err != nil:
		c.add("log", Bad, "librum fsck says more; put the file back from a copy, do not cut it", "%v", err)
		return
	}
	defer func() { _ = log.Close() }() // it was only read
	c.add("run", OK, "", "the network is stopped")
	if _, err := dir.LoadManifest(); errors.Is(err, localnet.ErrNoManifest) {
		c.add("last stop", Warn, "run librum fsck before the next start", "it was not clean: there is no manifest")
	} else if err != nil {
		c.add("last stop", Bad, "run librum fsck before the next start", "%v", err)
	} else {
		c.add("last stop", OK, "", "clean: there is a manifest, which librum fsck compares")
	}
	nodes, err := localnet.OpenOffline(ctx, dir, g, chain)
	if err != nil {
		c.add("stores", Bad, "run librum fsck", "%v", err)
		return
	}
	end, _ := log.End(ctx) // of an open log
	for _, n := range nodes {
		c.node(ctx, n, end, now)
		_ = n.Close() // it was only read
	}
}

// node looks at one store beside the log.
func (c *Checks) node(ctx context.Context, n *localnet.Offline, end uint64, now time.Time) {
	applied, ok, err := n.Store.Applied(ctx)
	if err != nil || !ok {
		c.add(n.Name, Bad, "run librum fsck", "it has no state: %v", err)
		return
	}
	behind := end - min(end, applied.NextOffset)
	switch {
	case applied.NextOffset > end:
		c.add(n.Name+" log", Bad, "put the log back from a copy: the node stops, as it must", "the log ends at record %d, the node has executed up to %d", end, applied.NextOffset)
	case behind > manyRecords:
		c.add(n.Name+" log", Warn, "let it run: it executes them at the next start", "%d records of the log are not in its store yet", behind)
	default:
		c.add(n.Name+" log", OK, "", "%d records of the log are not in its store yet", behind)
	}
	state := localnet.Newest(ctx, n.Store)
	suspended, err := governance.IsSuspended(state, n.Node)
	switch {
	case err != nil:
		c.add(n.Name, Bad, "run librum fsck", "%v", err)
	case suspended:
		c.add(n.Name, Bad, "it signed two headers of one height: its signatures make no quorum until governance lifts it", "it is suspended")
	}
	group, err := governance.Group(state) // it may no longer be that of the genesis
	if err != nil {
		c.add(n.Name, Bad, "run librum fsck", "%v", err)
		return
	}
	final, logTime := finality(ctx, n.Store, group, applied.Height)
	lag := applied.Height - final
	verdict := OK
	if lag >= node.MaxNotFinal {
		verdict = Bad
	} else if lag >= manyNotFinal {
		verdict = Warn
	}
	c.add(n.Name+" finality", verdict, "see that a quorum of nodes runs and reaches each other", "block %d stored, %d not final", applied.Height, lag)
	c.logTime(n.Name+" clock", now, logTime)
}

// finality returns the newest height, of the last ones, whose header a quorum
// signed here, and the log time of the newest.
func finality(ctx context.Context, s store.Store, group *ledger.Group, height uint64) (final uint64, logTime int64) {
	for h := height; h > 0 && h+2*node.MaxNotFinal > height; h-- {
		raw, err := s.Header(ctx, h)
		if err != nil {
			break
		}
		header, err := ledger.ParseHeader(raw)
		if err != nil {
			break
		}
		logTime = max(logTime, header.LogTime)
		if header.Epoch != group.Epoch {
			return h, logTime // an epoch is handed over by a final header
		}
		signatures, err := s.Signatures(ctx, h)
		if err == nil && ledger.CountSigners(raw, group, signatures, identity.Verify) >= group.Quorum() {
			return h, logTime
		}
	}
	return 0, logTime
}
