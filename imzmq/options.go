package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// options holds what the command line says.
type options struct {
	flags.Common
	socket    string
	ack       bool
	subscribe []string
	to        string
	format    string
	batch     int
	delay     time.Duration
	redis     redis.Config

	socketType zmq.Type
	target     destination.Target
	encoding   destination.Format
}

func parseOptions(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	fs := flags.NewSet(program, "Takes messages from ZeroMQ into rsyslog (improg, RELP), into Redis or onto standard output.", &o.Common)
	fs.StringVar(&o.socket, "socket", "router", "router, pull or sub")
	fs.BoolVar(&o.ack, "ack", true,
		"router: acknowledge to the sender once stored; --ack=false takes plain DEALER messages")
	fs.StringArrayVar(&o.subscribe, "subscribe", nil,
		"sub: take messages whose first frame begins with this `prefix` (repeatable; default everything)")
	fs.StringVar(&o.to, "to", "improg",
		"`destination`: improg, - (lines on standard output), relp://host:port, redis://host:port/db?list=KEY, "+
			"?stream=KEY&maxlen=N or ?channel=NAME; redis+cluster://host1:port,host2:port?…, "+
			"redis+sentinel://host1:port,host2:port/master?…; rediss with TLS; "+
			"KEY may hold {topic}; Redis's password comes from REDIS_PASSWORD")
	fs.StringVar(&o.format, "format", "raw", "raw (the payload) or json (one line, safe for binary and newlines)")
	fs.IntVar(&o.batch, "batch", 1000, "most `messages` per write to the destination")
	fs.DurationVar(&o.delay, "batch-delay", 2*time.Millisecond,
		"longest wait to fill a batch; with acknowledgements, only for Redis and only while more arrives")
	fs.Int64Var(&o.redis.MaxList, "max-list", 0,
		"Redis list: store no more while the list holds this many `messages`; one batch may exceed it; 0: no "+
			"limit")
	fs.StringVar(&o.redis.PasswordFile, "redis-password-file", "",
		"`file` that holds Redis's password, read for each connection; replaces REDIS_PASSWORD")
	fs.StringVar(&o.redis.CAFile, "redis-ca", "",
		"rediss: PEM `file` of the authorities to trust instead of the system's")
	fs.StringVar(&o.redis.CertFile, "redis-cert", "", "rediss: PEM `file` of the client certificate")
	fs.StringVar(&o.redis.KeyFile, "redis-key", "", "rediss: PEM `file` of the client certificate's key")
	fs.IntVar(&o.redis.Replicas, "redis-replicas", 0,
		"a message counts as stored once this many `replicas` have it, too (WAIT)")
	fs.DurationVar(&o.redis.Remember, "redis-remember", 7*24*time.Hour,
		"how long Redis remembers which messages of a sender are stored, after the last of them")
	if err := o.Parse(fs, version, args, stdout); err != nil {
		return nil, err
	}
	switch o.socket {
	case "router":
		o.socketType = zmq.Router
	case "pull":
		o.socketType = zmq.Pull
	case "sub":
		o.socketType = zmq.Sub
	default:
		return nil, flags.Usage("--socket %q: write router, pull or sub", o.socket)
	}
	if fs.Changed("ack") && o.socketType != zmq.Router {
		return nil, flags.Usage("--ack needs --socket router: only a router can answer")
	}
	if fs.Changed("subscribe") && o.socketType != zmq.Sub {
		return nil, flags.Usage("--subscribe needs --socket sub")
	}
	if err := o.resolveDestination(); err != nil {
		return nil, err
	}
	return o, o.resolveRedis(fs)
}

func (o *options) resolveDestination() error {
	var err error
	if o.target, err = destination.Parse(o.to); err != nil {
		return flags.Usage("--to: %w", err)
	}
	if o.encoding, err = destination.ParseFormat(o.format); err != nil {
		return flags.Usage("--format: %w", err)
	}
	if o.batch < 1 || o.delay < 0 {
		return flags.Usage("--batch %d and --batch-delay %v: at least 1 message, and no negative wait", o.batch, o.delay)
	}
	return nil
}

// resolveRedis checks the flags for Redis. Passwords are not flags: every user of the host can read command lines.
func (o *options) resolveRedis(fs *pflag.FlagSet) error {
	kind := o.target.Redis.Kind
	for _, name := range []string{
		"max-list", "redis-password-file", "redis-ca", "redis-cert", "redis-key", "redis-replicas", "redis-remember",
	} {
		if fs.Changed(name) && kind == 0 {
			return flags.Usage("--%s needs Redis for --to", name)
		}
	}
	switch {
	case kind == 0:
		return nil
	case o.redis.MaxList < 0 || o.redis.Replicas < 0:
		return flags.Usage("--max-list and --redis-replicas cannot be negative")
	case fs.Changed("max-list") && kind != redis.List:
		return flags.Usage("--max-list is for a list; a stream is bounded by maxlen in --to, which drops the oldest")
	case (fs.Changed("redis-replicas") || fs.Changed("redis-remember")) && kind == redis.Channel:
		return flags.Usage("--redis-replicas and --redis-remember are for a list or stream: a channel stores nothing")
	case o.redis.Remember < time.Minute:
		return flags.Usage("--redis-remember %v: at least 1m, and longer than a sender may be away", o.redis.Remember)
	case fs.Changed("redis-cert") != fs.Changed("redis-key"):
		return flags.Usage("--redis-cert and --redis-key need each other")
	case !o.target.Redis.TLS && (fs.Changed("redis-ca") || fs.Changed("redis-cert")):
		return flags.Usage("--redis-ca, --redis-cert and --redis-key are for TLS: write rediss for redis in --to")
	}
	o.redis.Password = os.Getenv("REDIS_PASSWORD")
	o.redis.SentinelPassword = os.Getenv("REDIS_SENTINEL_PASSWORD")
	return nil
}
