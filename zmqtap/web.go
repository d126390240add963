package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/page"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// webOptions are the flags for HTTP, which serve and hub share.
type webOptions struct {
	address string
	history flags.Size
	tokens  string // the path of the tenants' file
	web.Config
}

func (o *webOptions) add(fs *pflag.FlagSet) {
	fs.StringVar(&o.address, "http", "", "serve the stream at this `address`: host:port, or unix:/path")
	o.history = 16 << 20
	fs.Var(&o.history, "http-history",
		"`bytes` of memory for the newest messages, for readers that come late or come back")
	fs.StringVar(&o.TokenFile, "http-token-file", "",
		"`file` with a bearer token that readers of the stream must send; read at each request")
	fs.StringVar(&o.tokens, "http-tokens", "",
		"`file` with a line for each tenant: NAME TOKEN PREFIX..., where sha256: and the token's SHA-256 may stand for the token, "+
			"and * for all prefixes; a tenant reads topics with its prefixes only; read again after a change and at SIGHUP")
	fs.StringVar(&o.CertFile, "http-cert", "",
		"PEM `file` of a TLS certificate and its chain; read again after a change")
	fs.StringVar(&o.KeyFile, "http-key", "", "PEM `file` of the certificate's key")
	fs.StringArrayVar(&o.Origins, "http-origin", nil,
		"let pages of this `origin` read the stream (CORS), such as https://example.com; * allows all (repeatable)")
	fs.StringArrayVar(&o.Hosts, "http-host", nil,
		"accept this `name` in the Host header, in addition to addresses, localhost and the host's own name (repeatable; not needed with a token)")
	flags.Count(fs, &o.MaxClients, "http-clients", 5000, 1, flags.MaxCount, "most `readers` at a time")
	flags.Duration(fs, &o.Heartbeat, "http-heartbeat", 15*time.Second, time.Millisecond, flags.MaxDuration,
		"longest silence of an event stream")
}

func (o *webOptions) validate(fs *pflag.FlagSet) error {
	if o.address == "" {
		var wrong error
		fs.Visit(func(f *pflag.Flag) {
			if strings.HasPrefix(f.Name, "http-") {
				wrong = flags.Usage("--%s needs --http", f.Name)
			}
		})
		return wrong
	}
	if _, _, err := listen.Address(o.address); err != nil {
		return flags.Usage("--http %q: %w", o.address, err)
	}
	switch {
	case (o.CertFile == "") != (o.KeyFile == ""):
		return flags.Usage("--http-cert and --http-key need each other")
	}
	for _, origin := range o.Origins {
		if origin != "*" && !validOrigin(origin) {
			return flags.Usage("--http-origin %q: write an origin as browsers send it, such as https://example.com, or *",
				origin)
		}
	}
	for _, host := range o.Hosts {
		if host == "" || strings.ContainsAny(host, ":/ ") {
			return flags.Usage("--http-host %q: write a name alone, without a port", host)
		}
	}
	return nil
}

// validOrigin reports whether a browser could send this origin. Origins are compared byte by byte.
func validOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && origin == strings.ToLower(u.Scheme+"://"+u.Host)
}

// listen makes a server and opens its address, for which it waits as --bind-retry says. It logs the address, and a
// warning if others can read the stream.
func (o *webOptions) listen(ctx context.Context, stream *tap.Stream, publishers *zmq.Socket, common *flags.Common, logger *slog.Logger) (*web.Server, net.Listener, error) {
	o.Stream, o.Page, o.Queue, o.Logger, o.Budget, o.Lanes = stream, page.Files, common.HWM, logger, common.Budget(), common.Lanes()
	o.Upstream = tap.NewUpstream(publishers)
	server, err := o.server()
	if err != nil {
		return nil, nil, err
	}
	network, address, err := listen.Address(o.address)
	if err != nil {
		return nil, nil, err
	}
	var l net.Listener
	err = common.Patience(logger).Try(ctx, o.address, func() (err error) {
		l, err = listen.Listen(network, address)
		return err
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, nil, fmt.Errorf("--http %s: another process holds it; end that process or choose another address",
			o.address)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--http %s: %w", o.address, err)
	}
	scheme := "http"
	if o.CertFile != "" {
		scheme = "https"
	}
	at := fmt.Sprintf("%s://%s/", scheme, l.Addr())
	if network == "unix" {
		at = o.address
	}
	logger.Info("serving", "at", at)
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && o.TokenFile == "" && o.tokens == "" {
		logger.Warn("whoever reaches this address reads the stream: use --http-token-file or --http-tokens to ask for a token, "+
			"or a loopback address to stay on this host", "at", at)
	}
	return server, common.Gate(logger).Listener(l), nil
}

// server makes a server, with the tenants that there are.
func (o *webOptions) server() (_ *web.Server, err error) {
	if o.tokens != "" {
		o.Tenants, err = tenant.Open(tenant.Config{Path: o.tokens, Budget: &o.Budget.Out, Hangups: hangups(), Logger: o.Logger})
		if err != nil {
			return nil, err
		}
	}
	return web.New(o.Config)
}

// background runs a server until ctx ends, and calls failed when the server has ended. wait waits for that
// and returns the server's error.
func background(ctx, draining context.Context, server *web.Server, l net.Listener,
	failed context.CancelCauseFunc) (wait func() error) {
	result := make(chan error, 1)
	go func() {
		err := server.Serve(ctx, draining, l)
		failed(nil) // without the server the program has nothing to do
		result <- err
	}()
	return func() error { return <-result }
}
