package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Config says where the topic is and how to speak to it.
type Config struct {
	// Brokers are addresses (host:port) of which one must answer; the others
	// are learnt from it.
	Brokers []string
	// Topic is the name of the topic. It is made where it is not there.
	Topic string
	// UnsafeSingleBroker allows a topic of fewer than three replicas or fewer
	// than two in sync: a broken disk then loses acknowledged records.
	UnsafeSingleBroker bool
	// TLS, nil for none, protects the connections. SASL, nil for none, says who
	// this is.
	TLS  *tls.Config
	SASL *SASL
	// Logger takes warnings while Kafka does not answer; nil for none.
	Logger *slog.Logger

	dial func(ctx context.Context, network, address string) (net.Conn, error) // of tests; nil: kafka-go's
}

// SASL is how this client proves who it is.
type SASL struct {
	// Mechanism is SCRAM-SHA-512, SCRAM-SHA-256, or PLAIN, which shows the
	// password to the broker and therefore needs TLS.
	Mechanism      string
	User, Password string
}

func (c *Config) check() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 {
		bad("brokers: none is named")
	}
	if c.Topic == "" || len(c.Topic) > 249 {
		bad("topic: its name has %d characters, want 1 to 249", len(c.Topic))
	}
	if c.SASL != nil {
		if _, err := c.SASL.mechanism(); err != nil {
			problems = append(problems, err)
		}
		if c.SASL.Mechanism == "PLAIN" && c.TLS == nil {
			bad("sasl: PLAIN shows the password to whoever listens; use TLS or SCRAM-SHA-512")
		}
	}
	return errors.Join(problems...)
}

func (s *SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "PLAIN":
		return plain.Mechanism{Username: s.User, Password: s.Password}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, s.User, s.Password)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, s.User, s.Password)
	}
	return nil, fmt.Errorf("sasl: mechanism %q is not known; use SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN", s.Mechanism)
}
