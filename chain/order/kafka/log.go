package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	client "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
)

// Times, all finite.
const (
	requestTime = 10 * time.Second // for one answer of a broker
	// longestTime bounds whatever has no less. It must be set: kafka-go tells
	// brokers to wait for their replicas for half of what is left, but for half a
	// second where its client has no bound.
	longestTime  = 3 * requestTime
	settleTime   = 10 * time.Second       // for a cluster to agree again after a broker was lost or a topic made
	metadataTime = 2 * time.Second        // kafka-go looks for the leader anew after half of it, on average
	pollTime     = 500 * time.Millisecond // a broker holds an empty answer back
	firstPause   = 20 * time.Millisecond  // before the first try again
	longestPause = 500 * time.Millisecond
)

// queueLength bounds the records that wait for the batch before them.
const queueLength = 256

// Log is a Kafka topic. It implements [order.Log] and io.Closer.
type Log struct {
	config Config
	client *client.Client
	id     ledger.ID

	life  context.Context //nolint:containedctx // ends with Close
	end   context.CancelFunc
	group sync.WaitGroup

	appends  chan *pending
	producer producer // of the batching goroutine alone
	acked    uint64   // likewise: the end of what it wrote
	failed   atomic.Pointer[error]

	known   atomic.Uint64             // the topic reaches at least that far
	missing atomic.Pointer[time.Time] // since when brokers say that there is no such topic
	silent  atomic.Bool               // no records come, and the log says so
}

var _ order.Log = (*Log)(nil)

// newLog returns a log that has asked nothing yet.
func newLog(ctx context.Context, config Config) (*Log, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("open the log in Kafka: %w", err)
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	transport := &client.Transport{
		ClientID: clientID, TLS: config.TLS, MetadataTTL: metadataTime, MetadataTopics: []string{config.Topic},
		Dial: config.dial,
	}
	if config.SASL != nil {
		mechanism, err := config.SASL.mechanism()
		if err != nil {
			return nil, err
		}
		transport.SASL = mechanism
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	transport.Context = life
	return &Log{
		config: config, life: life, end: end, appends: make(chan *pending, queueLength),
		client: &client.Client{Addr: client.TCP(config.Brokers...), Transport: transport, Timeout: longestTime},
	}, nil
}

// Open finds the topic, or makes it, and refuses an unsafe one.
func Open(ctx context.Context, config Config) (*Log, error) {
	l, err := newLog(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := l.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the log in Kafka at %s: %w", l.client.Addr, err), l.Close())
	}
	l.group.Go(l.batch)
	return l, nil
}

func (l *Log) open(ctx context.Context) error {
	if err := l.ensureTopic(ctx); err != nil {
		return err
	}
	if _, _, err := l.bounds(ctx); err != nil {
		return err
	}
	return l.newProducer(ctx)
}

func (l *Log) newProducer(ctx context.Context) error {
	for pause := firstPause; ; {
		id, err := l.askProducer(ctx)
		if err == nil {
			l.producer = producer{id: id.ProducerID, epoch: id.ProducerEpoch}
			return nil
		}
		// A cluster that just started hands out no ids at first.
		if !isOneOf(err, append([]client.Error{client.GroupLoadInProgress, client.GroupCoordinatorNotAvailable}, unsettled...)) {
			return fmt.Errorf("ask for a producer id: %w", err)
		}
		if pause, err = wait(ctx, pause); err != nil {
			return fmt.Errorf("ask for a producer id: %w", err)
		}
	}
}

func (l *Log) askProducer(ctx context.Context) (*initproducerid.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := l.client.Transport.RoundTrip(ctx, l.client.Addr, askProducer{})
	if err != nil {
		return nil, err
	}
	id, ok := r.(*initproducerid.Response)
	if !ok {
		return nil, fmt.Errorf("%w: %T", errResponse, r)
	}
	if id.ErrorCode != 0 {
		return nil, client.Error(id.ErrorCode)
	}
	return id, nil
}

// Topic implements [order.Log]: the id that Kafka gave the topic.
func (l *Log) Topic() ledger.ID { return l.id }

// Close ends what is under way; records that were not acknowledged may or may
// not be on the topic.
func (l *Log) Close() error {
	l.end()
	l.group.Wait()
	if t, ok := l.client.Transport.(*client.Transport); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// during returns a context that ends with ctx and with the log.
func (l *Log) during(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(l.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// over says why an operation under way must end, if it must.
func (l *Log) over(ctx context.Context) error {
	if l.life.Err() != nil {
		return order.ErrClosed
	}
	return ctx.Err()
}

// End implements [order.Log].
func (l *Log) End(ctx context.Context) (uint64, error) {
	_, end, err := l.bounds(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the end of topic %s: %w", l.config.Topic, err)
	}
	return end, nil
}

// bounds returns the first offset and the next one. A topic that ends before
// what is known of it is given time: a new leader learns late how far all have
// come.
func (l *Log) bounds(caller context.Context) (first, end uint64, err error) {
	ctx, done := l.during(caller)
	defer done()
	short := time.Time{}
	for pause := firstPause; ; {
		if err := l.over(caller); err != nil {
			return 0, 0, err
		}
		known := l.known.Load() // before asking: what came later is no proof
		first, end, err = l.askBounds(ctx)
		switch {
		case err == nil && end >= known:
			l.missing.Store(nil) // the leader has it
			l.reached(end)
			return first, end, nil
		case err == nil && !short.IsZero() && time.Since(short) > settleTime:
			return 0, 0, l.corrupt(fmt.Sprintf("the topic ends at %d, records up to %d were there", end, known))
		case err == nil:
			if short.IsZero() {
				short = time.Now()
			}
			if _, err := l.sameTopic(ctx); err != nil {
				return 0, 0, err
			}
		case err != nil:
			if err := l.judge(ctx, err); err != nil {
				return 0, 0, err
			}
		}
		if pause, err = wait(ctx, pause); err != nil {
			return 0, 0, l.over(caller)
		}
	}
}

func (l *Log) askBounds(ctx context.Context) (first, end uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := l.client.ListOffsets(ctx, &client.ListOffsetsRequest{Addr: l.client.Addr, Topics: map[string][]client.OffsetRequest{
		l.config.Topic: {client.FirstOffsetOf(0), client.LastOffsetOf(0)},
	}})
	if err != nil {
		return 0, 0, err
	}
	of := r.Topics[l.config.Topic]
	if len(of) != 1 || of[0].Error == nil && (of[0].FirstOffset < 0 || of[0].LastOffset < of[0].FirstOffset) {
		return 0, 0, fmt.Errorf("ask for offsets: %w: %v", errResponse, of)
	}
	return uint64(of[0].FirstOffset), uint64(of[0].LastOffset), of[0].Error
}

// reached notes how far the topic reaches.
func (l *Log) reached(end uint64) {
	for known := l.known.Load(); end > known; known = l.known.Load() {
		if l.known.CompareAndSwap(known, end) {
			return
		}
	}
}

// judge says whether an error is final. Most are not: brokers come and go, and
// whoever waits does so under a context.
func (l *Log) judge(ctx context.Context, err error) error {
	var code client.Error
	if errors.As(err, &code) && final[code] {
		return fmt.Errorf("topic %s: %w", l.config.Topic, err)
	}
	_, err = l.sameTopic(ctx)
	return err
}

// final are the answers of a broker that will not change by asking again.
var final = map[client.Error]bool{
	client.InvalidTopic: true, client.TopicAuthorizationFailed: true, client.ClusterAuthorizationFailed: true,
	client.SASLAuthenticationFailed: true, client.UnsupportedVersion: true, client.UnsupportedForMessageFormat: true,
	client.MessageSizeTooLarge: true, client.RecordListTooLarge: true, client.InvalidRequiredAcks: true,
	client.OutOfOrderSequenceNumber: true, client.DuplicateSequenceNumber: true, client.InvalidProducerEpoch: true,
	client.InvalidProducerIDMapping: true, client.UnknownProducerId: true, client.PolicyViolation: true,
}

// wait pauses before trying again, and returns the next pause.
func wait(ctx context.Context, pause time.Duration) (time.Duration, error) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return min(2*pause, longestPause), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Trim implements [order.Log]. Kafka forgets whole segments, and shows nothing
// before the offset from now on.
func (l *Log) Trim(caller context.Context, before uint64) error {
	ctx, done := l.during(caller)
	defer done()
	for pause := firstPause; ; {
		first, end, err := l.bounds(caller)
		if err != nil {
			return fmt.Errorf("trim before %d: %w", before, err)
		}
		if before = min(before, end); before <= first {
			return nil
		}
		err = l.deleteRecords(ctx, before)
		if err == nil {
			return nil
		}
		if err := l.judge(ctx, err); err != nil {
			return fmt.Errorf("trim before %d: %w", before, err)
		}
		if pause, err = wait(ctx, pause); err != nil {
			return fmt.Errorf("trim before %d: %w", before, l.over(caller))
		}
	}
}

func (l *Log) deleteRecords(ctx context.Context, before uint64) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := l.client.Transport.RoundTrip(ctx, l.client.Addr, deleteRecords{l.config.Topic, int64(before)})
	if err != nil {
		return err
	}
	if done, ok := r.(*deletedRecords); !ok || done.err != 0 {
		return fmt.Errorf("delete records: %w", done.err)
	}
	return nil
}
