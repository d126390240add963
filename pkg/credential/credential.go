// Package credential reads the secrets and certificates that a destination wants, from files: on a command line, every
// user of the host could read them.
package credential

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxSecret is the most bytes that a file with a secret may have.
const maxSecret = 64 << 10

// ReadFile returns the secret that a file holds, without its last line end. All its errors are of type *os.PathError.
func ReadFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if secret == "" || len(text) > maxSecret {
		err := fmt.Errorf("it should hold a password of 1 to %d bytes", maxSecret)
		return "", &os.PathError{Op: "read", Path: path, Err: err}
	}
	return secret, nil
}

// TLS returns the configuration of a TLS client. ca is a PEM file of the authorities to trust; "": the system's. cert
// and key are PEM files of the client's certificate and its key; "": none.
func TLS(ca, cert, key string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: it holds no certificate in PEM form", ca)
		}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s, key %s: %w", cert, key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
