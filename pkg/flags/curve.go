package flags

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// secureCurve reads certificates.
func (s *security) secureCurve(program string, logger *slog.Logger) error {
	own, err := s.own(program)
	if err != nil {
		return err
	}
	about := &zmq.Curve{Own: *own.Pair}
	logger.Info("CURVE: this end's public key", "key", own.Public.String())
	switch s.clients {
	case "":
	case anybody:
		about.Clients = zcert.Anybody{}
		logger.Warn("--curve-clients any: everybody who knows this program's public key may connect")
	default:
		if err := s.openFolder(logger); err != nil {
			return err
		}
		about.Clients = s.folder
	}
	for _, text := range s.servers {
		server, err := s.server(text, own)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(about.Servers, func(n curve.Named) bool { return n.Key == server.Key }) {
			about.Servers = append(about.Servers, server)
		}
	}
	s.config.Curve = about
	return nil
}

// own reads --curve-key.
func (s *security) own(program string) (*zcert.Certificate, error) {
	if looksLikeKey(s.key) && !exists(s.key) {
		return nil, Usage("--curve-key: write the path of a certificate's file. This looks like a key, and no secret belongs on a " +
			"command line, where every user of this host can read it: if it is one, make a new certificate with --curve-keygen PATH")
	}
	own, err := zcert.LoadSecret(s.key)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; this makes one: %s --curve-keygen %s", err, program,
			zcert.Quote(strings.TrimSuffix(s.key, zcert.Suffix)))
	}
	if err != nil {
		return nil, fmt.Errorf("--curve-key: %w", err)
	}
	return own, nil
}

// server returns the server that one --curve-server-key is about.
func (s *security) server(text string, own *zcert.Certificate) (curve.Named, error) {
	if looksLikeKey(text) && !exists(text) {
		if s.secret(text, own) {
			return curve.Named{}, Usage("--curve-server-key: this is a secret key, or was copied wrongly. Write the server's public " +
				"key, or the path of its certificate. If it is secret, make a new certificate: every user of this host can read it now")
		}
		key, err := curve.ParseKey(text)
		if err != nil {
			return curve.Named{}, Usage("--curve-server-key: %w; in a shell write it in single quotes", err)
		}
		return curve.Named{Key: key}, nil
	}
	server, err := zcert.LoadPublic(text)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; write the path of the server's public file, copied from there, or its key of 40 characters", err)
	}
	if err != nil {
		return curve.Named{}, fmt.Errorf("--curve-server-key: %w", err)
	}
	if server.Pair != nil {
		return curve.Named{}, fmt.Errorf("--curve-server-key: %s holds the server's secret key, which belongs on the server alone: "+
			"write the file with the public key, without %s, and delete this one here", text, zcert.Suffix)
	}
	return server.Named(), nil
}

// secret reports whether a text that was given as a public key is known to be a secret one: it belongs to a public key
// that this program knows, or it has the highest bit, which no public key has (RFC 7748, 5).
func (s *security) secret(text string, own *zcert.Certificate) bool {
	data, err := curve.DecodeZ85(text)
	if err != nil || len(data) != curve.KeySize {
		return false
	}
	if data[curve.KeySize-1]&0x80 != 0 {
		return true
	}
	pair, err := curve.ParseSecret(text)
	if err != nil {
		return false
	}
	if s.folder != nil {
		if _, known := s.folder.Admit(pair.Public); known {
			return true
		}
	}
	return pair.Public == own.Public || slices.Contains(s.servers, pair.Public.String())
}

func (s *security) openFolder(logger *slog.Logger) (err error) {
	if looksLikeKey(s.clients) && !exists(s.clients) {
		return Usage("--curve-clients: write the path of a folder, and put each client's certificate there; or write any")
	}
	if s.folder, err = zcert.OpenFolder(s.clients, logger); err != nil {
		return fmt.Errorf("--curve-clients: %w", err)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// makeKey does what --curve-keygen says. It returns ErrHelp if all is well.
func (c *Common) makeKey(fs *pflag.FlagSet, stdout io.Writer) error {
	path := c.security.keygen
	var wrong error
	fs.Visit(func(f *pflag.Flag) {
		if f.Name != "curve-keygen" && f.Name != "name" {
			wrong = Usage("--curve-keygen makes a certificate and ends: leave --%s out", f.Name)
		}
	})
	if wrong != nil {
		return wrong
	}
	if fs.NArg() > 0 {
		return Usage("--curve-keygen makes a certificate and ends: leave %q out", fs.Arg(0))
	}
	if err := zcert.CheckPath(path); err != nil {
		return Usage("--curve-keygen %q: %w", path, err)
	}
	made, err := zcert.New(c.Name)
	if err == nil {
		err = made.Save(path, c.program.Name)
	}
	if err != nil {
		return fmt.Errorf("--curve-keygen: %w", err)
	}
	fmt.Fprintf(stdout, `public key: %s
%s stays here, for --curve-key, and must belong to the user that the program runs as
%s goes to the other end: from a server for --curve-server-key, from a client into the folder of --curve-clients
`, made.Public, zcert.Quote(path+zcert.Suffix), zcert.Quote(path))
	return ErrHelp
}
