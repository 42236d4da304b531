package kafka_test

import (
	"context"
	"fmt"

	"github.com/librum/librum/chain/order/kafka"
)

func ExampleOpen() {
	ctx := context.Background()
	l, err := kafka.Open(ctx, kafka.Config{
		Brokers: []string{"kafka-1.example:9092", "kafka-2.example:9092", "kafka-3.example:9092"},
		Topic:   "librum-main-shard-0",
	})
	if err != nil {
		fmt.Println(err) // names what is unsafe about the topic, for instance
		return
	}
	offset, err := l.Append(ctx, []byte("a signed record"))
	fmt.Println(offset, err)
	fmt.Println(l.Close())
}
