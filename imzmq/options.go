package main

import (
	"io"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
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
	kafka     kafka.Config

	socketType zmq.Type
	target     destination.Target
	encoding   destination.Format
}

const (
	defaultBatch = 1000

	// A write to Kafka waits for the replicas, and for the end of a transaction. With 1,000 messages, imzmq gets two
	// thirds of the rate into one topic, and a fourth with once=true (go test -bench Store ./pkg/kafka). With 20,000 it
	// gets little more: what one sender, or a few, have under way is less.
	kafkaBatch = 10_000
)

func parseOptions(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	fs := flags.NewSet(flags.Program{
		Name:     program,
		Commands: []flags.Command{{Name: "status", Arguments: " [ADDRESS]...", Purpose: "show how the running ones are"}},
		Plugin:   true,
		Summary:  "Takes messages from ZeroMQ into rsyslog (improg, RELP), into Redis or Kafka, or onto standard output.",
		Environment: []flags.Variable{
			{Name: "REDIS_PASSWORD", Meaning: "Redis's password, unless --redis-password-file is given."},
			{Name: "KAFKA_PASSWORD", Meaning: "The password for Kafka's SASL, unless --kafka-password-file is given."},
		},
		Examples: []flags.Example{
			{Purpose: "Into rsyslog's imrelp", Command: "imzmq --bind 'tcp://*:5555' --to relp://127.0.0.1:2514"},
			{Purpose: "Into a Redis list, which any number of workers empty",
				Command: "imzmq --bind 'tcp://*:5555' --to 'redis://127.0.0.1:6379/0?list=logs'"},
			{Purpose: "Into a Kafka topic, each message once",
				Command: "imzmq --bind 'tcp://*:5555' --to 'kafka://127.0.0.1:9092/logs?once=true'"},
			{Purpose: "A part of a published stream, onto standard output",
				Command: "imzmq --socket sub --connect tcp://127.0.0.1:5556 --subscribe auth. --to -"},
		},
	}, &o.Common)
	fs.StringVar(&o.socket, "socket", "router", "router, pull or sub")
	flags.Values(fs, "socket", "router", "pull", "sub")
	fs.BoolVar(&o.ack, "ack", true,
		"router: acknowledge each message to its sender once it is stored; for plain DEALER senders write --ack=false")
	fs.StringArrayVar(&o.subscribe, "subscribe", nil,
		"sub: take messages whose first frame begins with this `prefix` (repeatable; default everything)")
	fs.StringVar(&o.to, "to", "improg",
		"`destination`: improg; - (lines on standard output); relp://host:port; redis://host:port/db?list=KEY, "+
			"?stream=KEY&maxlen=N or ?channel=NAME, where KEY and NAME may hold {topic}; "+
			"redis+cluster://host:port,…?…; redis+sentinel://host:port,…/master?…; "+
			"rediss, rediss+cluster and rediss+sentinel with TLS. Redis's password is read from REDIS_PASSWORD. "+
			"kafka://host:port,…/TOPIC, where TOPIC may hold {topic}; with ?once=true each message once; "+
			"kafka+tls with TLS; docs/kafka.md has more settings. Kafka's password is read from KAFKA_PASSWORD")
	flags.Values(fs, "to", "improg", "-")
	flags.Beginnings(fs, "to", "relp://", "redis://", "rediss://", "redis+cluster://", "rediss+cluster://", "redis+sentinel://",
		"rediss+sentinel://", "kafka://", "kafka+tls://")
	fs.StringVar(&o.format, "format", "raw",
		"raw (the payload) or json (one line a message, safe for binary data and line feeds)")
	flags.Values(fs, "format", "raw", "json")
	flags.Count(fs, &o.batch, "batch", defaultBatch, 1, 1_000_000,
		"most `messages` per write to the destination; for Kafka, the default is 10000")
	flags.Duration(fs, &o.delay, "batch-delay", 2*time.Millisecond, 0, time.Minute,
		"longest wait to fill a batch; messages that will be acknowledged wait only on the way to Redis, "+
			"and only while more arrive")
	flags.Count(fs, &o.redis.MaxList, "max-list", 0, 0, redis.MaxLength,
		"Redis list: take no more while the list holds this many `messages`; one batch may exceed it; 0: no limit")
	fs.StringVar(&o.redis.PasswordFile, "redis-password-file", "",
		"`file` with Redis's password, read for each connection; overrides REDIS_PASSWORD")
	fs.StringVar(&o.redis.CAFile, "redis-ca", "",
		"rediss: PEM `file` of the certificate authorities to trust, instead of the system's")
	fs.StringVar(&o.redis.CertFile, "redis-cert", "", "rediss: PEM `file` of the client certificate")
	fs.StringVar(&o.redis.KeyFile, "redis-key", "", "rediss: PEM `file` of the client certificate's key")
	flags.Count(fs, &o.redis.Replicas, "redis-replicas", 0, 0, 1000,
		"a message counts as stored once this many `replicas` have it, too (WAIT)")
	flags.Duration(fs, &o.redis.Remember, "redis-remember", 7*24*time.Hour, time.Minute, flags.MaxDuration,
		"how long after a sender's last message Redis remembers which of its messages are stored")
	fs.StringVar(&o.kafka.PasswordFile, "kafka-password-file", "",
		"`file` with the password for Kafka's SASL, read for each connection; overrides KAFKA_PASSWORD")
	fs.StringVar(&o.kafka.TokenFile, "kafka-token-file", "",
		"sasl=OAUTHBEARER: `file` with the token, read for each connection")
	fs.StringVar(&o.kafka.CAFile, "kafka-ca", "",
		"kafka+tls: PEM `file` of the certificate authorities to trust, instead of the system's")
	fs.StringVar(&o.kafka.CertFile, "kafka-cert", "", "kafka+tls: PEM `file` of the client certificate")
	fs.StringVar(&o.kafka.KeyFile, "kafka-key", "", "kafka+tls: PEM `file` of the client certificate's key")
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
	if err := flags.CheckPrefixes("subscribe", o.subscribe); err != nil {
		return nil, err
	}
	if err := o.resolveDestination(); err != nil {
		return nil, err
	}
	if o.target.Kind == destination.Kafka && !fs.Changed("batch") {
		o.batch = kafkaBatch
	}
	if o.target.Kind == destination.Improg && !fs.Changed("bind-retry") {
		o.BindRetry = flags.ForEver // improg does not start a program again that has ended
	}
	if err := o.resolveRedis(fs); err != nil {
		return nil, err
	}
	return o, o.resolveKafka(fs)
}

func (o *options) resolveDestination() error {
	var err error
	if o.target, err = destination.Parse(o.to); err != nil {
		return flags.Usage("--to: %w", err)
	}
	if o.encoding, err = destination.ParseFormat(o.format); err != nil {
		return flags.Usage("--format: %w", err)
	}
	return nil
}

// resolveRedis checks the flags for Redis. Passwords are not flags: every user of the host can read command lines.
func (o *options) resolveRedis(fs *pflag.FlagSet) error {
	kind := o.target.Redis.Kind
	for _, name := range []string{"max-list", "redis-password-file", "redis-ca", "redis-cert", "redis-key",
		"redis-replicas", "redis-remember"} {
		if fs.Changed(name) && kind == 0 {
			return flags.Usage("--%s needs Redis for --to", name)
		}
	}
	switch {
	case kind == 0:
		return nil
	case fs.Changed("max-list") && kind != redis.List:
		return flags.Usage("--max-list is for a list; a stream is bounded by maxlen in --to, which drops the oldest")
	case (fs.Changed("redis-replicas") || fs.Changed("redis-remember")) && kind == redis.Channel:
		return flags.Usage("--redis-replicas and --redis-remember are for a list or stream: a channel stores nothing")
	case fs.Changed("redis-cert") != fs.Changed("redis-key"):
		return flags.Usage("--redis-cert and --redis-key need each other")
	case !o.target.Redis.TLS && (fs.Changed("redis-ca") || fs.Changed("redis-cert")):
		return flags.Usage("--redis-ca, --redis-cert and --redis-key are for TLS: write rediss for redis in --to")
	}
	o.redis.Password = os.Getenv("REDIS_PASSWORD")
	o.redis.SentinelPassword = os.Getenv("REDIS_SENTINEL_PASSWORD")
	return nil
}

// resolveKafka checks the flags for Kafka, and takes the password from the environment.
func (o *options) resolveKafka(fs *pflag.FlagSet) error {
	given := func(names ...string) string {
		for _, name := range names {
			if fs.Changed(name) {
				return name
			}
		}
		return ""
	}
	target := &o.target.Kafka
	if o.target.Kind != destination.Kafka {
		if name := given("kafka-password-file", "kafka-token-file", "kafka-ca", "kafka-cert", "kafka-key"); name != "" {
			return flags.Usage("--%s needs Kafka for --to", name)
		}
		return nil
	}
	switch {
	case fs.Changed("kafka-cert") != fs.Changed("kafka-key"):
		return flags.Usage("--kafka-cert and --kafka-key need each other")
	case !target.TLS && given("kafka-ca", "kafka-cert") != "":
		return flags.Usage("--kafka-ca, --kafka-cert and --kafka-key are for TLS: write kafka+tls for kafka in --to")
	case fs.Changed("kafka-token-file") != (target.SASL == kafka.OAuthBearer):
		return flags.Usage("--kafka-token-file and sasl=OAUTHBEARER in --to need each other")
	case fs.Changed("kafka-password-file") && target.User == "":
		return flags.Usage("--kafka-password-file needs a user and sasl in --to: kafka://USER@host:port/TOPIC?sasl=SCRAM-SHA-512")
	case target.Once && (o.socketType != zmq.Router || !o.ack):
		return flags.Usage("once=true needs senders that are acknowledged, whose messages have numbers: " +
			"--socket router, with --ack")
	}
	o.kafka.Password = os.Getenv("KAFKA_PASSWORD")
	if target.User != "" && o.kafka.Password == "" && o.kafka.PasswordFile == "" {
		return flags.Usage("the user %q in --to has no password: set KAFKA_PASSWORD or give --kafka-password-file", target.User)
	}
	return nil
}
