package flags

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// maxPlain is how many bytes PLAIN's user and password may have (RFC 24).
const maxPlain = 255

// maxPasswordFile is how many bytes are read of a file with a password.
const maxPasswordFile = 64 << 10

// securePlain tries the password's file, and warns of what others can read.
func (s *security) securePlain(logger *slog.Logger) error {
	if _, err := s.password(); err != nil {
		return err
	}
	s.config.Plain = &zmq.Plain{User: s.user, Password: s.password}
	var exposed []string
	for _, text := range s.bound {
		if e, err := endpoint.Bind(text); err == nil && !withinHost(e) {
			exposed = append(exposed, text)
		}
	}
	for _, text := range s.connected {
		if e, err := endpoint.Connect(text); err == nil && !withinHost(e) {
			exposed = append(exposed, text)
		}
	}
	if len(exposed) > 0 {
		logger.Warn("PLAIN encrypts nothing: the password and all messages can be read on the way; use CURVE there",
			"endpoints", strings.Join(exposed, " "))
	}
	return nil
}

// password reads --plain-password-file. What is wrong with it, it does not repeat.
func (s *security) password() (string, error) {
	text, err := zcert.ReadPrivate(s.passwordFile, maxPasswordFile)
	if err != nil {
		return "", fmt.Errorf("--plain-password-file: %w", err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case bytes.IndexByte(text, '\n') >= 0:
		return "", fmt.Errorf("--plain-password-file: %s has more than one line", s.passwordFile)
	case len(text) == 0 || len(text) > maxPlain:
		return "", fmt.Errorf("--plain-password-file: %s has a password of %d bytes; it must have 1 to %d",
			s.passwordFile, len(text), maxPlain)
	}
	return string(text), nil
}

// watchPassword says after each signal whether the password can be read. It is read for each connection anyway.
func (s *security) watchPassword(ctx context.Context, hangups <-chan os.Signal, logger *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
		}
		if _, err := s.password(); err != nil {
			logger.Error("the password cannot be read: nobody new can connect", "reason", err)
		} else {
			logger.Info("the password can be read; new connections need it", "file", s.passwordFile)
		}
	}
}

// withinHost reports whether what goes over an endpoint cannot leave this host.
func withinHost(e endpoint.Endpoint) bool {
	if e.Network == "unix" {
		return true
	}
	host, _, err := net.SplitHostPort(e.Address)
	if err != nil {
		return false // a name without a port, which is looked up
	}
	if strings.TrimSuffix(strings.ToLower(host), ".") == "localhost" { // RFC 6761, 6.3
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
