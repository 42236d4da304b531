package local_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/librum/librum/chain/order/local"
)

// BenchmarkAppend shows what group commit is worth: syncs are shared by those
// who append at once.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{4 << 10, 256 << 10} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("bytes=%d/callers=%d", size, callers), func(b *testing.B) {
				l := open(b, vfs.Default, b.TempDir(), local.Options{})
				record := make([]byte, size)
				b.SetBytes(int64(size))
				var left atomic.Int64
				left.Store(int64(b.N))
				done := make(chan error, callers)
				b.ResetTimer()
				for range callers {
					go func() {
						var err error
						for err == nil && left.Add(-1) >= 0 {
							_, err = l.Append(b.Context(), record)
						}
						done <- err
					}()
				}
				for range callers {
					if err := <-done; err != nil {
						b.Error(err)
					}
				}
			})
		}
	}
}

// BenchmarkRead reads a log of 64 MiB from memory's reach and from its files.
func BenchmarkRead(b *testing.B) {
	const size, records = 16 << 10, 4 << 10
	for name, tail := range map[string]int{"memory": 128 << 20, "files": 1} {
		b.Run(name, func(b *testing.B) {
			l := open(b, vfs.Default, b.TempDir(), local.Options{TailBytes: tail})
			done := make(chan error, 64)
			for range cap(done) {
				go func() {
					var err error
					for range records / cap(done) {
						if err == nil {
							_, err = l.Append(b.Context(), make([]byte, size))
						}
					}
					done <- err
				}()
			}
			for range cap(done) {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(size * records)
			for b.Loop() {
				for next := uint64(0); next < records; {
					entries, err := l.Read(b.Context(), next, 1<<20)
					if err != nil {
						b.Fatal(err)
					}
					next += uint64(len(entries))
				}
			}
		})
	}
}
