package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// verdict is what a fault means for the messages that were on their way.
type verdict int

const (
	wait   verdict = iota // it can pass: the same again, later
	refuse                // it cannot pass without somebody: the sender is told why
	load                  // Redis does not know the script: it is sent along the next time
)

// fault is why messages were not stored, or may not have been.
type fault struct {
	verdict verdict
	code    string // Redis's own first word, or one of ours in lower case
	unknown bool   // the messages may have been stored
	keyed   bool   // it concerns one key, not the whole server
	moved   bool   // the cluster's slots are not where they were thought to be
	means   string // for the operator
	err     error
}

const (
	codeAway     = "away"
	codeFull     = "full"
	codeReplicas = "replicas"
	codeFile     = "file"
	codeTLS      = "tls"
	codeStrange  = "strange"
)

func (f *fault) Error() string {
	if f.err == nil {
		return "redis: " + f.means
	}
	return "redis: " + f.means + ": " + f.err.Error()
}

func (f *fault) Unwrap() error { return f.err }

// faults are the errors that Redis answers with, by their first words (Redis's error codes; src/server.c, createSharedObjects).
// Nothing was stored when Redis answers with one of them.
var faults = map[string]fault{
	"LOADING":     {means: "it is loading its data"},
	"READONLY":    {moved: true, means: "it is a read-only replica: a failover goes on, or --to names the wrong server"},
	"MASTERDOWN":  {moved: true, means: "it is a replica without its master"},
	"CLUSTERDOWN": {moved: true, means: "the cluster is down, or nobody serves this key's slot: see CLUSTER INFO"},
	"MOVED":       {moved: true, means: "the cluster has moved this key's slot"},
	"ASK":         {moved: true, means: "the cluster is moving this key's slot"},
	"TRYAGAIN":    {moved: true, means: "the cluster is moving this key's slot"},
	"NOREPLICAS":  {means: "it has fewer replicas than its min-replicas-to-write"},
	"OOM":         {means: "it is out of memory: let the workers catch up, or raise maxmemory (--max-list keeps a list from growing so far)"},
	"MISCONF":     {means: "it cannot save its data, its disk may be full: see its log"},
	"BUSY":        {means: "it is busy with somebody's script"},
	"NOSCRIPT":    {verdict: load, means: "it has lost the script"},
	"WRONGTYPE":   {verdict: refuse, keyed: true, means: "the key holds something else: delete it, or choose another in --to"},
	"CROSSSLOT":   {verdict: refuse, keyed: true, means: "the key and its memory are in different slots"},
	"WRONGPASS":   {verdict: refuse, means: "the user or the password is wrong: see REDIS_PASSWORD or --redis-password-file, and the user in --to"},
	"NOAUTH":      {verdict: refuse, means: "it wants a password: set REDIS_PASSWORD or give --redis-password-file"},
	"NOPERM":      {verdict: refuse, means: "the user's ACL does not allow this: docs/redis.md has the commands and keys that imzmq uses"},
}

// newFault says what an error of a command means. What a server answers was not executed; without an answer nobody knows.
func newFault(err error, t *Target) *fault {
	var reply goredis.Error
	if errors.As(err, &reply) && !errors.Is(err, goredis.Nil) {
		return replyFault(err, reply.Error())
	}
	var verification *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	var path *os.PathError
	var operation *net.OpError
	switch {
	case errors.Is(err, goredis.Nil):
		return &fault{verdict: wait, code: codeAway, means: "no sentinel knows the master that --to names", err: err}
	case errors.As(err, &verification):
		return &fault{verdict: refuse, code: codeTLS, means: "its certificate is not trusted: see --redis-ca", err: err}
	case errors.As(err, &header):
		return &fault{verdict: refuse, code: codeTLS, means: "it does not speak TLS on this port: write redis:// for rediss://", err: err}
	case errors.As(err, &operation) && operation.Op == "remote error": // crypto/tls's name for an alert
		return &fault{verdict: refuse, code: codeTLS, means: "it does not accept this TLS client: see --redis-cert and --redis-key", err: err}
	case errors.As(err, &path):
		return &fault{verdict: refuse, code: codeFile, means: "the password cannot be read", err: err}
	}
	means := "it cannot be reached"
	if t.TLS {
		means = "it cannot be reached, or does not speak TLS on this port"
	}
	dialing := errors.As(err, &operation) && operation.Op == "dial"
	return &fault{verdict: wait, code: codeAway, unknown: !dialing, moved: true, means: means, err: err}
}

// replyFault says what the text of an answer means.
func replyFault(err error, text string) *fault {
	code, _, _ := strings.Cut(text, " ")
	if strings.HasPrefix(text, "ERR Error running script") { // so versions before 7 wrap what happens inside of one
		for inner := range faults {
			if strings.Contains(text, " "+inner+" ") || strings.Contains(text, " -"+inner+" ") {
				code = inner
			}
		}
	}
	f, known := faults[code]
	switch {
	case known:
	case strings.HasPrefix(text, "ERR max number of clients"):
		f = fault{means: "it takes no more connections: see its maxclients"}
	case strings.HasPrefix(text, "ERR DB index"):
		f = fault{verdict: refuse, means: "it has no such database: see the number in --to"}
	case strings.HasPrefix(text, "ERR unknown command"):
		f = fault{verdict: refuse, means: "it lacks a command that imzmq uses (EVALSHA, EVAL, …), by its version or its configuration"}
	case strings.Contains(text, "can't run this command"), strings.Contains(text, "can't access"): // version 7, inside of a script
		f = faults["NOPERM"]
	case strings.Contains(text, "invalid password"), strings.Contains(text, "AUTH"):
		f = faults["WRONGPASS"]
	default:
		f = fault{verdict: refuse, means: "it refuses"}
	}
	f.code, f.err = code, err
	return &f
}

// cancelled is what Store returns when ctx has ended.
func cancelled(ctx context.Context, last *fault) error {
	if last == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w; %w", ctx.Err(), last)
}
