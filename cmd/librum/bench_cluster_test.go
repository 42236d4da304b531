package main

import (
	"os"
	"testing"
	"time"
)

// TestCPUOf compares with what the process knows of itself, which is finer.
func TestCPUOf(t *testing.T) {
	t.Parallel()
	const tick = 20 * time.Millisecond // two hundredths: user and system time are cut off apart
	for busy := 0; ; busy++ {
		least, err := processCPU()
		if err != nil {
			t.Fatal(err)
		}
		got, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		most, err := processCPU()
		if err != nil {
			t.Fatal(err)
		}
		if got < least-tick || got > most+tick {
			t.Fatalf("%v, want between %v and %v", got, least, most)
		}
		if got > 2*tick {
			break // it counts
		}
	}
	if _, err := cpuOf(1 << 30); err == nil {
		t.Error("a process that is none has used something")
	}
}
