package certfile_test

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/librum/librum/internal/certfile"
)

func Example() {
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair("server.pem", "server.key")
		return &pair, err
	}
	source, err := certfile.Open([]string{"server.pem", "server.key"}, load, time.Now, slog.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: certfile.GetCertificate(source)}
	// Output: open the certificate: stat server.pem: no such file or directory
}
