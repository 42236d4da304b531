package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/librum/librum/chain/registry"
)

// retryPause is how long a watch that broke waits before it lists again.
const retryPause = 200 * time.Millisecond

// Config says where etcd is.
type Config struct {
	// Endpoints are the members' client addresses.
	Endpoints []string
	// Prefix stands before all keys; who shares it shares the registry. Empty
	// stands for /librum/.
	Prefix string
	// User and Password, if not empty, and TLS, if not nil, protect
	// connections.
	User, Password string
	TLS            *tls.Config
	// Timeout bounds each request. 0 stands for 5 s.
	Timeout time.Duration
}

// Registry is a [registry.Registry] in etcd.
type Registry struct {
	config Config
	client *clientv3.Client
	life   context.Context //nolint:containedctx // ends with Close
	end    context.CancelFunc
}

var _ registry.Registry = (*Registry)(nil)

// Open connects to etcd. Close ends it; what is held then runs out.
func Open(ctx context.Context, config Config) (*Registry, error) {
	if len(config.Endpoints) == 0 {
		return nil, errors.New("open registry in etcd: no endpoint is named")
	}
	if config.Prefix == "" {
		config.Prefix = "/librum/"
	}
	if config.Timeout == 0 {
		config.Timeout = 5 * time.Second
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: config.Endpoints, Username: config.User, Password: config.Password, TLS: config.TLS,
		DialTimeout: config.Timeout, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: config.Timeout,
		Logger: zap.NewNop(), // what it would say comes back as an error
	})
	if err != nil {
		return nil, fmt.Errorf("open registry in etcd at %v: %w", config.Endpoints, err)
	}
	r := &Registry{config: config, client: client}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := r.answers(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open registry in etcd at %v: %w", config.Endpoints, err), r.Close())
	}
	return r, nil
}

// answers asks for one key, whosoever it is: how many there are is nothing to
// who only wants to know whether he may ask.
func (r *Registry) answers(caller context.Context) error {
	ctx, done := r.during(caller, r.config.Timeout)
	defer done()
	_, err := r.client.Get(ctx, r.config.Prefix, clientv3.WithPrefix(), clientv3.WithLimit(1), clientv3.WithKeysOnly())
	if err = r.reason(caller, err); errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s; see that etcd runs at that address, that nothing between drops what is sent, and that registry.etcd.tls fits (http:// or https://): %w", r.config.Timeout, err)
	}
	return err
}

// Close ends what is under way. Closing again does nothing.
func (r *Registry) Close() error {
	select {
	case <-r.life.Done():
		return nil
	default:
		r.end()
	}
	if err := r.client.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// during returns a context that ends with ctx, with the registry, and with the
// time-out unless that is 0.
func (r *Registry) during(ctx context.Context, timeout time.Duration) (context.Context, func()) {
	cancelTimeout := func() {}
	if timeout > 0 {
		ctx, cancelTimeout = context.WithTimeout(ctx, timeout)
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(r.life, cancel)
	return ctx, func() { stop(); cancel(); cancelTimeout() }
}

// reason says why a request ended.
func (r *Registry) reason(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case r.life.Err() != nil:
		return registry.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

// Put implements [registry.Registry].
func (r *Registry) Put(caller context.Context, key string, value []byte, at uint64) (uint64, error) {
	if err := registry.Check(key, value); err != nil {
		return 0, fmt.Errorf("put hint: %w", err)
	}
	ctx, done := r.during(caller, r.config.Timeout)
	defer done()
	revision, err := r.put(ctx, key, value, at)
	if err != nil {
		return 0, fmt.Errorf("put hint %s: %w", key, r.reason(caller, err))
	}
	return revision, nil
}

func (r *Registry) put(ctx context.Context, key string, value []byte, at uint64, opts ...clientv3.OpOption) (uint64, error) {
	key = r.config.Prefix + key
	txn := r.client.Txn(ctx)
	if at != registry.Any { // etcd calls the revision of what is absent 0 as well
		txn = txn.If(clientv3.Compare(clientv3.ModRevision(key), "=", int64(at)))
	}
	res, err := txn.Then(clientv3.OpPut(key, string(value), opts...)).Commit()
	if err != nil {
		return 0, err
	}
	if !res.Succeeded {
		return 0, registry.ErrConflict
	}
	return uint64(res.Header.Revision), nil
}

// Hold implements [registry.Registry].
func (r *Registry) Hold(caller context.Context, key string, value []byte, term time.Duration) error {
	if err := registry.CheckHold(key, value, term); err != nil {
		return fmt.Errorf("hold hint: %w", err)
	}
	if err := r.hold(caller, key, value, term); err != nil {
		return fmt.Errorf("hold hint %s: %w", key, err)
	}
	return nil
}

func (r *Registry) hold(caller context.Context, key string, value []byte, term time.Duration) error {
	ctx, done := r.during(caller, r.config.Timeout)
	lease, err := r.client.Grant(ctx, int64((term+time.Second-1)/time.Second))
	done()
	if err != nil {
		return r.reason(caller, err)
	}
	err = r.keep(caller, lease.ID, key, value)
	if r.life.Err() != nil {
		return registry.ErrClosed // the lease runs out
	}
	// The caller's context may have ended; what is held goes nevertheless.
	ctx, done = r.during(context.WithoutCancel(caller), r.config.Timeout)
	defer done()
	_, revokeErr := r.client.Revoke(ctx, lease.ID)
	if err == nil && revokeErr != nil {
		err = fmt.Errorf("end the lease: %w", revokeErr)
	}
	return err
}

// keep puts the value and renews the lease until the caller ends it.
func (r *Registry) keep(caller context.Context, lease clientv3.LeaseID, key string, value []byte) error {
	ctx, done := r.during(caller, r.config.Timeout)
	revision, err := r.put(ctx, key, value, registry.Absent, clientv3.WithLease(lease))
	done()
	if err != nil {
		return r.reason(caller, err)
	}
	ctx, done = r.during(caller, 0)
	defer done()
	alive, err := r.client.KeepAlive(ctx, lease)
	if err != nil {
		return r.reason(caller, err)
	}
	changes := r.client.Watch(ctx, r.config.Prefix+key, clientv3.WithRev(int64(revision)+1))
	for {
		select {
		case _, ok := <-alive:
			if !ok && ctx.Err() == nil {
				return registry.ErrLost
			}
		case change, ok := <-changes:
			if ctx.Err() == nil && (!ok || len(change.Events) > 0 || change.Err() != nil) {
				return errors.Join(registry.ErrLost, change.Err())
			}
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return nil // that is how a hold ends
		}
	}
}

// List implements [registry.Registry].
func (r *Registry) List(caller context.Context, prefix string) ([]registry.Entry, error) {
	ctx, done := r.during(caller, r.config.Timeout)
	defer done()
	entries, _, err := r.list(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("list hints %q: %w", prefix, r.reason(caller, err))
	}
	return entries, nil
}

func (r *Registry) list(ctx context.Context, prefix string) (entries []registry.Entry, revision int64, err error) {
	res, err := r.client.Get(ctx, r.config.Prefix+prefix, clientv3.WithPrefix(), clientv3.WithLimit(registry.MaxEntries+1))
	if err != nil {
		return nil, 0, err
	}
	if len(res.Kvs) > registry.MaxEntries {
		return nil, 0, registry.ErrTooMany
	}
	for _, kv := range res.Kvs {
		key := strings.TrimPrefix(string(kv.Key), r.config.Prefix)
		entries = append(entries, registry.Entry{Key: key, Value: kv.Value, Revision: uint64(kv.ModRevision)})
	}
	return entries, res.Header.Revision, nil
}

// Watch implements [registry.Registry].
func (r *Registry) Watch(caller context.Context, prefix string, see func([]registry.Entry) error) error {
	if err := r.watch(caller, prefix, see); err != nil {
		return fmt.Errorf("watch hints %q: %w", prefix, err)
	}
	return nil
}

func (r *Registry) watch(caller context.Context, prefix string, see func([]registry.Entry) error) error {
	for {
		ctx, done := r.during(caller, r.config.Timeout)
		entries, revision, err := r.list(ctx, prefix)
		done()
		if err != nil {
			return r.reason(caller, err)
		}
		if err := see(entries); err != nil {
			return err
		}
		// The next change; then all is listed again: it is little.
		ctx, done = r.during(caller, 0)
		changed := <-r.client.Watch(clientv3.WithRequireLeader(ctx), r.config.Prefix+prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1))
		done()
		if err := errors.Join(caller.Err(), r.life.Err()); err != nil {
			return r.reason(caller, err)
		}
		if changed.Err() != nil { // compacted away, or a member that lost its leader: list again, but not at once
			select {
			case <-time.After(retryPause):
			case <-caller.Done():
			case <-r.life.Done():
			}
		}
	}
}
