package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/librum/librum/internal/durable"
)

// benchResult is what a bench command found out about one case.
type benchResult struct {
	What         string  `json:"what"`            // the command's name
	RatePerS     float64 `json:"rate_per_s"`      // units per second
	BytesPerS    float64 `json:"bytes_per_s"`     // of input
	P50Ms        float64 `json:"p50_ms"`          // of one operation
	P99Ms        float64 `json:"p99_ms"`          // of one operation
	CPUUsPerUnit float64 `json:"cpu_us_per_unit"` // user and system time of this process
	// ServersCPUUsPerUnit is that of the servers that were named, left out for none.
	ServersCPUUsPerUnit float64 `json:"servers_cpu_us_per_unit,omitempty"`
	PeakRSSBytes        int64   `json:"peak_rss_bytes"` // of this process since it began
	Bound               float64 `json:"bound"`          // what the machine could do, in BoundName's unit
	BoundName           string  `json:"bound_name"`
	RatioToBound        float64 `json:"ratio_to_bound"`
	Conditions          string  `json:"conditions"`

	unit string // name of the units, for people
}

// printBenchResults prints the cases for people or, with asJSON, as one line:
// an object, or a list where there are several.
func printBenchResults(w io.Writer, asJSON bool, results ...benchResult) error {
	if !asJSON {
		for _, r := range results {
			if err := r.print(w); err != nil {
				return err
			}
		}
		return nil
	}
	var value any = results
	if len(results) == 1 {
		value = results[0]
	}
	line, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

func (r benchResult) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		_, _ = fmt.Fprintf(t, "  "+name+"\t"+format+"\n", args...) // a tabwriter keeps its error for Flush
	}
	_, _ = fmt.Fprintf(t, "%s: %s\n", r.What, r.Conditions)
	row("rate", "%.4g %s/s", r.RatePerS, r.unit)
	row("throughput", "%.0f MB/s", r.BytesPerS/1e6)
	row("time", "p50 %.4g ms, p99 %.4g ms", r.P50Ms, r.P99Ms)
	row("CPU", "%.4g µs per %s", r.CPUUsPerUnit, strings.TrimSuffix(r.unit, "s"))
	if r.ServersCPUUsPerUnit > 0 {
		row("CPU of the servers", "%.4g µs per %s", r.ServersCPUUsPerUnit, strings.TrimSuffix(r.unit, "s"))
	}
	row("peak memory", "%.1f MB", float64(r.PeakRSSBytes)/1e6)
	row("bound", "%.4g %s", r.Bound, r.BoundName)
	row("ratio to bound", "%.3f", r.RatioToBound)
	return t.Flush()
}

// percentile returns the smallest of the durations that at least the share p
// of them does not exceed, in milliseconds; 0 for none.
func percentile(durations []time.Duration, p float64) float64 {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	at := int(p*float64(len(sorted))+0.999999) - 1
	return float64(sorted[min(max(at, 0), len(sorted)-1)].Nanoseconds()) / 1e6
}

// processCPU returns the user and system time this process has used.
func processCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("read the process's CPU time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// peakRSS returns the most memory this process ever had resident, in bytes.
func peakRSS() (int64, error) {
	status, err := durable.ReadFile("/proc/self/status", 64<<10)
	if err != nil {
		return 0, fmt.Errorf("read peak memory: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read peak memory from %q: %w", line, err)
			}
			return kib << 10, nil
		}
	}
	return 0, errors.New("read peak memory: /proc/self/status has no VmHWM")
}
