package web

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
)

// certificate is a TLS certificate in two files, which are read again when they have changed: certificates
// are renewed.
type certificate struct {
	certFile, keyFile string
	logger            *slog.Logger

	mu        sync.Mutex
	current   *tls.Certificate
	cert, key fs.FileInfo // of the files that current was read from
	trouble   string      // the last error that was logged
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}
}

// get returns the newest usable certificate. It fails only if there has never been one.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.renew()
	switch {
	case err == nil:
		c.trouble = ""
	case c.current == nil:
		return nil, fmt.Errorf("the TLS certificate %s with the key %s: %w", c.certFile, c.keyFile, err)
	case c.trouble != err.Error(): // perhaps only one of the two files is renewed yet
		c.trouble = err.Error()
		c.logger.Warn("the TLS certificate has changed and cannot be used; the old one stays in use",
			"cert", c.certFile, "key", c.keyFile, "reason", err)
	}
	return c.current, nil
}

// renew reads the files if they have changed since current was read. The caller holds mu.
func (c *certificate) renew() error {
	cert, err := os.Stat(c.certFile)
	if err != nil {
		return err
	}
	key, err := os.Stat(c.keyFile)
	if err != nil || (c.current != nil && same(cert, c.cert) && same(key, c.key)) {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.current, c.cert, c.key = &pair, cert, key
	return nil
}

// same reports whether a file has not changed. A renewed file may be older than the one before it: copying
// can preserve the time.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
