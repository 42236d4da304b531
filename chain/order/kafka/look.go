package kafka

import (
	"context"
	"errors"
	"fmt"

	client "github.com/segmentio/kafka-go"
)

// ErrNoTopic: the topic is not there yet; [Open] makes it.
var ErrNoTopic = errors.New("topic is not there")

// Look finds the topic and refuses an unsafe one, as [Open] does. It makes and
// changes nothing.
func Look(ctx context.Context, config Config) error {
	l, err := newLog(ctx, config)
	if err != nil {
		return err
	}
	var info *topicInfo
	err = untilAnswered(ctx, func(ctx context.Context) (err error) {
		info, err = l.topicInfo(ctx)
		return err
	})
	if err == nil {
		err = l.takeTopic(ctx, info)
	}
	if errors.Is(err, client.UnknownTopicOrPartition) {
		err = ErrNoTopic
	}
	if err != nil {
		err = fmt.Errorf("look at topic %s in Kafka at %s: %w", config.Topic, l.client.Addr, err)
	}
	return errors.Join(err, l.Close())
}
