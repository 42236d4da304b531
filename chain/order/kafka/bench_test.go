package kafka_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/librum/librum/chain/order/kafka"
)

// BenchmarkAppend shows what batches are worth: those who append at once share
// a round trip.
func BenchmarkAppend(b *testing.B) {
	addresses := brokers(b)
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("bytes=4096/callers=%d", callers), func(b *testing.B) {
			l := open(b, kafka.Config{Brokers: addresses, Topic: topicName(b)})
			record := make([]byte, 4096)
			b.SetBytes(int64(len(record)))
			var failed atomic.Bool
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Append(b.Context(), record); err != nil {
						failed.Store(true)
						return
					}
				}
			})
			if failed.Load() {
				b.Fatal("append failed")
			}
		})
	}
}
