package redis

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/credential"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
)

// Config configures a Writer. Only Target and Logger have no default.
type Config struct {
	Target Target

	Password         string // "": none
	PasswordFile     string // in place of Password: read for every connection, without its last line end
	SentinelPassword string // what the sentinels want; "": nothing
	CAFile           string // TLS: PEM of the authorities to trust; "": the system's
	CertFile         string // TLS: PEM of the client's certificate; "": none
	KeyFile          string // TLS: PEM of its key

	MaxList  int64         // List: the length at which no more is stored until workers have taken some; 0: no limit
	Replicas int           // how many replicas must have a message before it counts as stored (WAIT); 0: none
	Remember time.Duration // how long a silent sender's numbers are remembered; 0: 7 days

	Reconnect, ReconnectMax time.Duration // the first and the longest wait between attempts; 0: 100 ms and 1 s
	Timeout                 time.Duration // of an answer, and at most 5 s of it of a dial; 0: 10 s

	Logger  *slog.Logger
	Trouble *trouble.State // is told what is logged about waiting and refusing; nil: is not

	replicaTimeout time.Duration // of WAIT, shorter than Timeout; 0: 1 s. Tests set it
}

const (
	defaultRemember       = 7 * 24 * time.Hour
	defaultReplicaTimeout = time.Second
)

func (c *Config) complete() error {
	switch {
	case c.Target.Kind == 0:
		return errors.New("redis: no list, stream or channel")
	case c.Logger == nil:
		return errors.New("redis: no logger")
	case c.MaxList < 0 || c.Replicas < 0 || c.Remember < 0 || c.Reconnect < 0 || c.ReconnectMax < 0 || c.Timeout < 0:
		return errors.New("redis: lengths, numbers and times cannot be negative")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("redis: a client's certificate needs its key, and the key its certificate")
	case !c.Target.TLS && c.CAFile+c.CertFile != "":
		return errors.New("redis: certificates are for TLS: write rediss for redis")
	}
	c.Remember = cmp.Or(c.Remember, defaultRemember)
	c.Reconnect = cmp.Or(c.Reconnect, 100*time.Millisecond)
	c.ReconnectMax = cmp.Or(c.ReconnectMax, max(time.Second, c.Reconnect))
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.replicaTimeout = cmp.Or(c.replicaTimeout, defaultReplicaTimeout)
	return nil
}

// password returns the servers' password.
func (c *Config) password() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	return credential.ReadFile(c.PasswordFile)
}

func (c *Config) tls() (*tls.Config, error) {
	if !c.Target.TLS {
		return nil, nil
	}
	config, err := credential.TLS(c.CAFile, c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	return config, nil
}

// client reaches the servers of a target. go-redis must not retry by itself: only Writer knows what a repeat does.
type client struct {
	opened  atomic.Uint64          // sessions, ever
	single  *goredis.Client        // of Single and Sentinel
	cluster *goredis.ClusterClient // of Cluster
}

// silenceOnce silences go-redis's logger, which is global and otherwise writes to standard error.
var silenceOnce sync.Once

func newClient(config *Config) (*client, error) {
	silenceOnce.Do(func() { goredis.SetLogger(&logging.VoidLogger{}) })
	trust, err := config.tls()
	if err != nil {
		return nil, err
	}
	if _, err := config.password(); err != nil {
		return nil, fmt.Errorf("redis: the password: %w", err)
	}
	t := &config.Target
	credentials := func(context.Context) (string, string, error) {
		password, err := config.password()
		return t.User, password, err
	}
	c := &client{}
	dialTimeout := min(config.Timeout, 5*time.Second)
	options := &goredis.UniversalOptions{
		Addrs: t.Servers, MasterName: t.Master, SentinelPassword: config.SentinelPassword, DB: t.DB,
		CredentialsProviderContext: credentials, TLSConfig: trust, DisableIdentity: true,
		Dialer:                   dialer(dialTimeout, trust),
		OnConnect:                c.welcome,
		Protocol:                 2,  // RESP2: nothing is pushed
		MaxRetries:               -1, // none
		DialerRetries:            1,  // one attempt
		PoolSize:                 2,  // one that works, and one that is about to be found broken
		DialTimeout:              dialTimeout,
		ReadTimeout:              config.Timeout,
		WriteTimeout:             config.Timeout,
		WriteBufferSize:          1 << 16, // few system calls, and Redis reads while a batch is still being written
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	switch t.Mode {
	case Cluster:
		c.cluster = goredis.NewClusterClient(options.Cluster())
	case Sentinel:
		c.single = goredis.NewFailoverClient(options.Failover())
	default:
		c.single = goredis.NewClient(options.Simple())
	}
	return c, nil
}

// welcome completes a session: it gets a name, for CLIENT LIST, unless CLIENT is forbidden or renamed. A missing
// password is found here, because Redis would end the connection at a batch instead of saying so.
func (c *client) welcome(ctx context.Context, conn *goredis.Conn) error {
	var ping *goredis.StatusCmd
	conn.Pipelined(ctx, func(pipe goredis.Pipeliner) error { //nolint:errcheck // ping and what follows have it
		ping = pipe.Ping(ctx)
		pipe.ClientSetName(ctx, "imzmq")
		return nil
	})
	var reply goredis.Error
	if err := ping.Err(); err != nil && (!errors.As(err, &reply) || strings.HasPrefix(err.Error(), "NOAUTH")) {
		return err
	}
	c.opened.Add(1)
	return nil
}

// node returns the client of the server that holds a key.
func (c *client) node(ctx context.Context, key string) (*goredis.Client, error) {
	if c.cluster == nil {
		return c.single, nil
	}
	return c.cluster.MasterForKey(ctx, key)
}

// lookAgain lets the client of a cluster find out in the background where the slots are now.
func (c *client) lookAgain(ctx context.Context) {
	if c.cluster != nil {
		c.cluster.ReloadState(ctx)
	}
}

// close closes all connections, including those that wait for an answer.
func (c *client) close() error {
	if c.cluster != nil {
		return c.cluster.Close()
	}
	return c.single.Close()
}
