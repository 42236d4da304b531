package elastic

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/search/document"
)

// Config says where the index is.
type Config struct {
	Addresses []string // URLs without user and password
	Prefix    string   // of all names, a-z first, then a-z, 0-9 and -, at most 100
	Node      ledger.ID
	User      string
	Password  string
	APIKey    string // in place of user and password
	TLS       *tls.Config
	Shards    int           // of new generations; 0: 1
	Replicas  int           // copies beside the first
	Timeout   time.Duration // of a request; 0: [DefaultTimeout]
}

// DefaultTimeout is how long a request may take.
const DefaultTimeout = 30 * time.Second

var prefixForm = regexp.MustCompile(`^[a-z][a-z0-9-]{0,99}$`)

// checkPrefix says what is wrong with a prefix.
func checkPrefix(prefix string) error {
	if !prefixForm.MatchString(prefix) {
		return fmt.Errorf("prefix %.40q: want a-z first, then a-z, 0-9 and -, at most 100", prefix)
	}
	return nil
}

func (c *Config) transport() (*elastictransport.Client, *http.Transport, error) {
	if err := checkPrefix(c.Prefix); err != nil {
		return nil, nil, err
	}
	if c.APIKey != "" && c.User != "" {
		return nil, nil, errors.New("give a user or an API key, not both")
	}
	urls := make([]*url.URL, len(c.Addresses))
	for i, a := range c.Addresses {
		u, err := url.Parse(a)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return nil, nil, errors.New("addresses: want URLs such as https://host:9200, without user and password")
		}
		urls[i] = u
	}
	if len(urls) == 0 {
		return nil, nil, errors.New("addresses: name at least one")
	}
	const dialTime = 5 * time.Second
	web := &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, TLSHandshakeTimeout: dialTime, TLSClientConfig: c.TLS,
		MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute,
	}
	t, err := elastictransport.New(elastictransport.Config{ //nolint:staticcheck // its options take a Transport only as this does
		URLs: urls, Username: c.User, Password: c.Password, APIKey: c.APIKey, Transport: web,
		// Everything asked here may be asked twice: documents have versions, the
		// state has a sequence number.
		MaxRetries: 3, RetryOnStatus: []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests},
		RetryOnError: func(r *http.Request, err error) bool {
			timed := net.Error(nil)
			return r.Context().Err() == nil && (!errors.As(err, &timed) || !timed.Timeout())
		},
		RetryBackoff: func(attempt int) time.Duration { return time.Duration(attempt*attempt) * 100 * time.Millisecond },
	})
	return t, web, err
}

// New returns the index of a prefix. It asks nothing of the server.
func New(config Config, schema *document.Schema) (*Index, error) {
	layout, err := newLayout(schema)
	if err != nil {
		return nil, err
	}
	if config.Shards == 0 {
		config.Shards = 1
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	transport, web, err := config.transport()
	if err != nil {
		return nil, fmt.Errorf("configure Elasticsearch: %w", err)
	}
	return &Index{
		config: config, schema: schema, layout: layout, writing: make(chan struct{}, 1),
		client: &client{transport: transport, timeout: config.Timeout, closeIdle: web.CloseIdleConnections},
	}, nil
}

// Close gives back what the server keeps for searches. They must have ended.
func (x *Index) Close() error {
	x.show(context.Background(), nil)
	x.client.closeIdle()
	return nil
}
