package integration_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	queue "github.com/segmentio/kafka-go"
)

// TestBenchCluster measures four nodes in processes of their own over Kafka, and
// wants figures of them and of a process beside them, and no topic left.
func TestBenchCluster(t *testing.T) {
	brokers := addresses(t, "LIBRUM_TEST_KAFKA")
	librum := os.Getenv("LIBRUM_BIN")
	if librum == "" {
		t.Skip("LIBRUM_BIN names no librum; see make test-integration")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, librum, "bench", "chain", "--separate", "--nodes", "4", "--kafka", strings.Join(brokers, ","),
		"--servers", strconv.Itoa(os.Getpid()), "--transactions", "300", "--accounts", "20", "--batch", "50", "--clients", "2", "--rate", "20",
		"--dir", t.TempDir(), "--json")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var results []struct {
		Rate       float64 `json:"rate_per_s"`
		CPU        float64 `json:"cpu_us_per_unit"`
		Conditions string  `json:"conditions"`
	}
	if err := json.Unmarshal(out, &results); err != nil || len(results) != 2 {
		t.Fatalf("%s, %v", out, err)
	}
	for _, r := range results {
		if r.Rate <= 0 || r.CPU <= 0 || !strings.Contains(r.Conditions, "4 nodes") || !strings.Contains(r.Conditions, "Kafka") {
			t.Errorf("result %+v", r)
		}
	}
	admin := &queue.Client{Addr: queue.TCP(brokers...), Timeout: time.Minute}
	left, err := admin.Metadata(ctx, &queue.MetadataRequest{Addr: admin.Addr})
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range left.Topics {
		if strings.HasPrefix(topic.Name, "librum-bench-") {
			t.Errorf("topic %s is left", topic.Name)
		}
	}
}
