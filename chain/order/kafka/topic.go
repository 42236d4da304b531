package kafka

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	client "github.com/segmentio/kafka-go"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/order"
)

// ErrUnsafeTopic: acknowledged records could be lost; change the topic's
// settings. The error is an [UnsafeTopicError].
var ErrUnsafeTopic = errors.New("topic has unsafe settings")

// UnsafeTopicError names the settings under which records could be lost.
type UnsafeTopicError struct {
	Topic    string
	Problems []string
}

func (e *UnsafeTopicError) Error() string {
	return fmt.Sprintf("topic %s has unsafe settings: %s; change them (kafka-configs, kafka-reassign-partitions) or name another topic",
		e.Topic, strings.Join(e.Problems, "; "))
}

// Unwrap lets errors.Is(err, ErrUnsafeTopic) hold.
func (e *UnsafeTopicError) Unwrap() error { return ErrUnsafeTopic }

// setting is what a topic is made with, and what one that is there is held to.
type setting struct {
	name, value string
	replicas    bool // a matter of replicas, which a single broker has not
	most        int  // a number from value up to this one is safe; 0: value alone
}

// safe reports whether a topic may have that value.
func (s setting) safe(value string) bool {
	if s.most == 0 {
		return value == s.value
	}
	least, err := strconv.Atoi(s.value)
	have, haveErr := strconv.Atoi(value)
	return err == nil && haveErr == nil && have >= least && have <= s.most
}

// want says what may be there.
func (s setting) want() string {
	switch s.most {
	case 0:
		return s.value
	case math.MaxInt:
		return s.value + " or more"
	}
	return fmt.Sprintf("%s to %d", s.value, s.most)
}

var settings = []setting{
	{name: "cleanup.policy", value: "delete"},
	{name: "retention.ms", value: "-1"},
	{name: "retention.bytes", value: "-1"},
	{name: "unclean.leader.election.enable", value: "false"},
	{name: "max.message.bytes", value: strconv.Itoa(maxBatchBytes), most: mostBatchBytes},
	// A stranger's few bytes could unpack to more than a reader holds; so the
	// broker unpacks them, and refuses what is too long then.
	{name: "compression.type", value: "uncompressed"},
	// The broker forgets producers by the time of their last record, and refuses
	// times ahead of its own: the clock of a client must not matter.
	{name: "message.timestamp.type", value: "LogAppendTime"},
	{name: "min.insync.replicas", value: "2", replicas: true, most: math.MaxInt},
}

const wantReplicas = 3

// mostBatchBytes bounds max.message.bytes from above: a batch is fetched whole, also
// one that a stranger wrote.
const mostBatchBytes = 16 << 20

// ensureTopic makes the topic where it is not there, and refuses it where it is
// unsafe.
func (l *Log) ensureTopic(ctx context.Context) error {
	var info *topicInfo
	ask := func(ctx context.Context) (err error) {
		info, err = l.topicInfo(ctx)
		return err
	}
	err := untilAnswered(ctx, ask)
	if errors.Is(err, client.UnknownTopicOrPartition) {
		if err := untilAnswered(ctx, l.makeTopic); err != nil {
			return fmt.Errorf("make topic %s: %w", l.config.Topic, err)
		}
		err = untilKnown(ctx, ask)
	}
	if err != nil {
		return err
	}
	return l.takeTopic(ctx, info)
}

// takeTopic takes the topic's id, and refuses an unsafe one.
func (l *Log) takeTopic(ctx context.Context, info *topicInfo) error {
	l.id = ledger.ID(info.id)
	if l.id.IsZero() {
		return fmt.Errorf("topic %s has no id; Kafka 3.1 or later is needed", l.config.Topic)
	}
	return untilKnown(ctx, func(ctx context.Context) error { return l.checkSettings(ctx, info) })
}

func (l *Log) topicInfo(ctx context.Context) (*topicInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := l.client.Transport.RoundTrip(ctx, l.client.Addr, askTopic{l.config.Topic})
	if err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", l.config.Topic, err)
	}
	info, ok := r.(*topicInfo)
	if !ok {
		return nil, fmt.Errorf("ask for topic %s: %w: %T", l.config.Topic, errResponse, r)
	}
	if info.err != 0 {
		return nil, fmt.Errorf("ask for topic %s: %w", l.config.Topic, info.err)
	}
	return info, nil
}

func (l *Log) makeTopic(ctx context.Context) error {
	config := client.TopicConfig{Topic: l.config.Topic, NumPartitions: 1, ReplicationFactor: wantReplicas}
	if l.config.UnsafeSingleBroker {
		config.ReplicationFactor = 1
	}
	for _, s := range settings {
		if s.replicas && l.config.UnsafeSingleBroker {
			s.value = "1"
		}
		config.ConfigEntries = append(config.ConfigEntries, client.ConfigEntry{ConfigName: s.name, ConfigValue: s.value})
	}
	ctx, cancel := context.WithTimeout(ctx, 3*requestTime) // kafka-go waits until its picture of the cluster has the topic
	defer cancel()
	r, err := l.client.CreateTopics(ctx, &client.CreateTopicsRequest{Addr: l.client.Addr, Topics: []client.TopicConfig{config}})
	if err != nil {
		return err
	}
	switch err := r.Errors[l.config.Topic]; {
	case errors.Is(err, client.TopicAlreadyExists): // another node was first
		return nil
	case errors.Is(err, client.InvalidReplicationFactor):
		return fmt.Errorf("%w: %d brokers are needed; to go on with one, at the risk of losing records, set unsafe_single_broker", err, wantReplicas)
	default:
		return err
	}
}

// untilKnown asks until the broker that answers has heard of the topic, which
// may have been made just now.
func untilKnown(ctx context.Context, ask func(context.Context) error) error {
	return untilAnswered(ctx, ask, client.UnknownTopicOrPartition)
}

// unsettled are the answers of a cluster in which brokers come or go; the first is
// kafka-go's own, while its picture of the cluster lacks a broker that it is to ask.
var unsettled = []client.Error{client.BrokerNotAvailable, client.LeaderNotAvailable, client.NotLeaderForPartition, client.NotController, client.NotEnoughReplicas}

// untilAnswered asks again while the cluster is unsettled, or gives one of the other
// answers that will change. In the end it returns the last one.
func untilAnswered(ctx context.Context, ask func(context.Context) error, others ...client.Error) error {
	began, pause := time.Now(), firstPause
	for {
		err := ask(ctx)
		if !isOneOf(err, append(others, unsettled...)) || time.Since(began) > longestTime {
			return err
		}
		var over error
		if pause, over = wait(ctx, pause); over != nil {
			return fmt.Errorf("%w: %w", over, err)
		}
	}
}

func isOneOf(err error, codes []client.Error) bool {
	code, ok := errors.AsType[client.Error](err)
	return ok && slices.Contains(codes, code)
}

func (l *Log) checkSettings(ctx context.Context, info *topicInfo) error {
	unsafe := &UnsafeTopicError{Topic: l.config.Topic}
	bad := func(format string, args ...any) {
		unsafe.Problems = append(unsafe.Problems, fmt.Sprintf(format, args...))
	}
	if info.partitions != 1 {
		bad("it has %d partitions, want 1", info.partitions)
	}
	if info.replicas < wantReplicas && !l.config.UnsafeSingleBroker {
		bad("it has %d replicas, want %d or more (unsafe_single_broker allows fewer)", info.replicas, wantReplicas)
	}
	names := make([]string, 0, len(settings))
	for _, s := range settings {
		names = append(names, s.name)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := l.client.DescribeConfigs(ctx, &client.DescribeConfigsRequest{Addr: l.client.Addr, Resources: []client.DescribeConfigRequestResource{{
		ResourceType: client.ResourceTypeTopic, ResourceName: l.config.Topic, ConfigNames: names,
	}}})
	if err == nil && len(r.Resources) == 1 {
		err = r.Resources[0].Error
	}
	if err != nil {
		return fmt.Errorf("read the settings of topic %s: %w", l.config.Topic, err)
	}
	have := map[string]string{}
	for _, resource := range r.Resources {
		for _, entry := range resource.ConfigEntries {
			have[entry.ConfigName] = entry.ConfigValue
		}
	}
	for _, s := range settings {
		if !s.safe(have[s.name]) && (!s.replicas || !l.config.UnsafeSingleBroker) {
			bad("%s is %q, want %s", s.name, have[s.name], s.want())
		}
	}
	if len(unsafe.Problems) > 0 {
		return unsafe
	}
	return nil
}

// sameTopic compares the topic's id with that from when the log was opened. An
// error is the finding that it is another; not known: no broker said anything
// about it.
func (l *Log) sameTopic(ctx context.Context) (known bool, err error) {
	began := time.Now()
	info, err := l.topicInfo(ctx)
	switch {
	case errors.Is(err, client.UnknownTopicOrPartition):
		first := l.missing.Load()
		if first == nil {
			l.missing.CompareAndSwap(nil, &began)
			return false, nil
		}
		if time.Since(*first) > settleTime { // a broker that just started may not have heard of it
			return false, l.corrupt("the topic was removed")
		}
		return false, nil
	case err != nil:
		return false, nil //nolint:nilerr // whoever asks goes on trying, and fails by itself if it must
	}
	l.missing.Store(nil)
	if id := ledger.ID(info.id); id != l.id {
		return false, l.corrupt(fmt.Sprintf("the topic was made again: its id is %s, it was %s", id, l.id))
	}
	return true, nil
}

// look waits until it is known that the topic is the one that was opened
// (invariant 3). What was read or written before the look belongs to it then:
// an id is never given twice.
func (l *Log) look(ctx context.Context) error {
	for pause := firstPause; ; {
		known, err := l.sameTopic(ctx)
		if known || err != nil {
			return err
		}
		if pause, err = wait(ctx, pause); err != nil {
			return err
		}
	}
}

func (l *Log) corrupt(reason string) error {
	return &order.CorruptError{File: "topic " + l.config.Topic, Offset: l.known.Load(), Reason: reason}
}
