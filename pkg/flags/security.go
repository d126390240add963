package flags

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// security is what the flags say about CURVE and PLAIN, and what Secure has made of them.
type security struct {
	key, clients       string
	servers            []string
	user, passwordFile string
	keygen             string
	given              func(name string) bool // whether a flag was
	bound, connected   []string               // the program's endpoints

	config  zmq.Security
	folder  *zcert.Folder // of the allowed clients; nil: there is none
	mu      sync.Mutex
	sockets []weak.Pointer[zmq.Socket] // those that have been opened; guarded by mu
}

// anybody is the value of --curve-clients that lets every client in.
const anybody = "any"

func (s *security) add(fs *pflag.FlagSet) {
	s.given = fs.Changed
	fs.StringVar(&s.key, "curve-key", "",
		"`file` of this program's own CURVE certificate, as --curve-keygen or czmq writes it: PATH or PATH_secret, of which "+
			"the latter has the secret key and mode 0600; read at the start")
	fs.StringArrayVar(&s.servers, "curve-server-key", nil,
		"be a CURVE client, of the server with this public `key`: its 40 characters in Z85, or the file of its certificate; "+
			"read at the start; several while the server's key changes (repeatable)")
	fs.StringVar(&s.clients, "curve-clients", "",
		"be a CURVE server: `folder` of the public certificates of all who may connect, or any; read again when it changes, "+
			"and at SIGHUP; with --curve-server-key, too: server where this program binds, client where it connects")
	fs.StringVar(&s.user, "plain-user", "",
		"`user` name for PLAIN, which encrypts nothing: where this program connects it sends name and password, where it "+
			"binds it asks for them")
	fs.StringVar(&s.passwordFile, "plain-password-file", "",
		"`file` with PLAIN's password, of mode 0600; read again for each connection")
	fs.StringVar(&s.keygen, "curve-keygen", "",
		"make a CURVE certificate with a new key, write it to `path` (the public part) and path_secret, and end; "+
			"--name gives it a name")
}

// check checks the flags, but for what CheckRoles knows.
func (s *security) check() error {
	key, servers, clients := s.given("curve-key"), s.given("curve-server-key"), s.given("curve-clients")
	user, password := s.given("plain-user"), s.given("plain-password-file")
	switch {
	case (key || servers || clients) && (user || password):
		return Usage("CURVE and PLAIN exclude each other: leave --plain-user and --plain-password-file out; " +
			"CURVE also proves who the other end is, and encrypts")
	case servers && !key:
		return Usage("--curve-server-key needs --curve-key, the file of this program's own certificate: " +
			"--curve-keygen PATH makes one")
	case clients && !key:
		return Usage("--curve-clients needs --curve-key, the file of this program's own certificate: " +
			"--curve-keygen PATH makes one")
	case key && !servers && !clients:
		return Usage("--curve-key needs --curve-server-key KEY, which makes this program a CURVE client, " +
			"or --curve-clients DIR, which makes it a server")
	case key && s.key == "" || servers && slices.Contains(s.servers, ""):
		return Usage("--curve-key and --curve-server-key: write the path of a certificate's file")
	case clients && s.clients == "":
		return Usage("--curve-clients: write the path of a folder, or any")
	case user != password:
		return Usage("--plain-user and --plain-password-file need each other")
	case user && (s.user == "" || len(s.user) > maxPlain):
		return Usage("--plain-user: a name of %d bytes; it must have 1 to %d", len(s.user), maxPlain)
	case password && s.passwordFile == "":
		return Usage("--plain-password-file: write the path of a file")
	}
	return nil
}

// CheckRoles checks whether the flags for security suit the endpoints that a program binds and connects to. Parse calls
// it if there are --bind and --connect.
func (c *Common) CheckRoles(bound, connected []string) error {
	s := c.security
	s.bound, s.connected = bound, connected
	if !s.given("curve-server-key") || !s.given("curve-clients") {
		return nil
	}
	switch {
	case len(bound) == 0:
		return Usage("with --curve-server-key and --curve-clients this program is a CURVE server where it binds, and it binds " +
			"nothing: leave --curve-clients out")
	case len(connected) == 0:
		return Usage("with --curve-server-key and --curve-clients this program is a CURVE client where it connects, and it " +
			"connects to nothing: leave --curve-server-key out")
	}
	return nil
}

// Secure reads the files that the flags for security name, and makes of them what Socket returns. Until stop is called
// it watches the folder of --curve-clients: the connections of clients that are removed from it end. hangups is called
// if there are clients to let in by a folder or a password. Whenever its channel delivers a signal they are read again.
func (c *Common) Secure(logger *slog.Logger, hangups func() <-chan os.Signal) (stop func(), err error) {
	s := c.security
	switch {
	case s.given("curve-key"):
		err = s.secureCurve(c.program.Name, logger)
	case s.given("plain-user"):
		err = s.securePlain(logger)
	}
	var watch func(ctx context.Context, hangups <-chan os.Signal)
	switch {
	case err != nil:
	case s.folder != nil:
		watch = func(ctx context.Context, hangups <-chan os.Signal) { s.folder.Watch(ctx, hangups, s.recheck) }
	case s.config.Plain != nil && len(s.bound) > 0:
		watch = func(ctx context.Context, hangups <-chan os.Signal) { s.watchPassword(ctx, hangups, logger) }
	}
	if watch == nil {
		return func() {}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended, signals := make(chan struct{}), hangups()
	go func() {
		defer close(ended)
		watch(ctx, signals)
	}()
	return func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(time.Second): // a file system does not answer
		}
	}, nil
}

// opened notes a socket whose connections are checked when --curve-clients changes.
func (s *security) opened(socket *zmq.Socket) {
	if s.folder == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets = slices.DeleteFunc(s.sockets, func(p weak.Pointer[zmq.Socket]) bool { return p.Value() == nil })
	s.sockets = append(s.sockets, weak.Make(socket))
}

func (s *security) recheck() {
	s.mu.Lock()
	sockets := slices.Clone(s.sockets)
	s.mu.Unlock()
	for _, p := range sockets {
		if socket := p.Value(); socket != nil {
			socket.Recheck()
		}
	}
}

// looksLikeKey reports whether a text is a key in Z85, or was meant to be one. Such a text may be a secret: no error
// repeats it. A path hardly ever looks like that: it lacks the marks, or has others.
func looksLikeKey(text string) bool {
	const digits, marks = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-/", ":+=^!*?&<>()[]{}@%$#"
	if len(text) < 30 || len(text) > 50 || strings.Trim(text, digits+marks) != "" {
		return false
	}
	return strings.ContainsAny(text, marks) || len(text) == curve.TextSize && !strings.Contains(text, "/")
}
