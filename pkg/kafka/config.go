package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/credential"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
)

// Config configures a Writer. Only Target and Logger have no default.
type Config struct {
	Target Target

	Password     string // for SASL; "": none
	PasswordFile string // in place of Password: read for every connection, without its last line end
	TokenFile    string // OAUTHBEARER: the token; read for every connection
	CAFile       string // TLS: PEM of the authorities to trust; "": the system's
	CertFile     string // TLS: PEM of the client's certificate; "": none
	KeyFile      string // TLS: PEM of its key

	// Connected reports whether a sender is connected to this process, with Target.Once: one that is not may be owned
	// by another. Any goroutine may call it. nil: all are.
	Connected func(sender string) bool

	Reconnect, ReconnectMax time.Duration // the first and the longest wait between attempts; 0: 100 ms and 1 s
	Timeout                 time.Duration // of an answer, and at most 5 s of it of a dial; 0: 10 s

	Logger  *slog.Logger
	Trouble *trouble.State // is told what is logged about waiting and refusing; nil: is not
}

func (c *Config) complete() error {
	switch {
	case len(c.Target.Servers) == 0:
		return errors.New("kafka: no server")
	case c.Logger == nil:
		return errors.New("kafka: no logger")
	case c.Reconnect < 0 || c.ReconnectMax < 0 || c.Timeout < 0:
		return errors.New("kafka: times cannot be negative")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("kafka: a client's certificate needs its key, and the key its certificate")
	case !c.Target.TLS && c.CAFile+c.CertFile != "":
		return errors.New("kafka: certificates are for TLS: write kafka+tls for kafka")
	case c.Target.SASL == OAuthBearer && c.TokenFile == "":
		return errors.New("kafka: sasl=OAUTHBEARER needs --kafka-token-file")
	case c.Target.SASL != OAuthBearer && c.TokenFile != "":
		return errors.New("kafka: --kafka-token-file needs sasl=OAUTHBEARER in --to")
	case c.Target.SASL == "" && c.PasswordFile != "":
		return errors.New("kafka: --kafka-password-file needs a user and sasl in --to")
	}
	if err := c.Target.check(); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	c.Reconnect = cmp.Or(c.Reconnect, 100*time.Millisecond)
	c.ReconnectMax = cmp.Or(c.ReconnectMax, max(time.Second, c.Reconnect))
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return nil
}

func (c *Config) password() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	return credential.ReadFile(c.PasswordFile)
}

var compressions = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

// options returns what all connections to the cluster share. trust is nil without TLS.
func (c *Config) options(net *network) ([]kgo.Opt, error) {
	mechanism, err := c.mechanism()
	if err != nil {
		return nil, err
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Target.Servers...),
		kgo.ClientID("imzmq"),
		kgo.SoftwareNameAndVersion("imzmq", "1"),
		kgo.Dialer(net.dial),
		kgo.WithHooks(net),
		kgo.WithLogger(logger{c.Logger}),
		kgo.RequestTimeoutOverhead(c.Timeout),
		kgo.ConnIdleTimeout(10 * time.Minute),
		kgo.MetadataMinAge(100 * time.Millisecond), // a leader that has moved is found soon
		kgo.RetryBackoffFn(func(int) time.Duration { return c.Reconnect }),
		kgo.DisableClientMetrics(),
	}
	if mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	return options, nil
}

// logger passes franz-go's lines on with --log-level debug. Otherwise Writer logs what they would.
type logger struct{ to *slog.Logger }

func (l logger) Level() kgo.LogLevel {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelNone
}

func (l logger) Log(_ kgo.LogLevel, text string, args ...any) {
	l.to.Debug("kafka: franz-go: "+text, args...)
}
