package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"

	goredis "github.com/redis/go-redis/v9"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// verdict is what a fault means for the messages that were sent.
type verdict int

const (
	wait   verdict = iota // it can pass: send the same again later
	refuse                // it needs a person: the sender is answered the reason
	load                  // Redis does not know the script: send its text
)

// fault is why messages were not, or perhaps not, stored.
type fault struct {
	verdict verdict
	code    string // the first word of Redis's error, or one of the codes below in lower case
	unknown bool   // the messages may have been stored
	keyed   bool   // it concerns one key, not the whole server
	key     string // that key, once it is known
	moved   bool   // slots or the master may have moved: look again
	ended   bool   // Redis has ended the connection
	tooLong bool   // a text is too long for it
	means   string // what it means, for the operator
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
	text := "redis: "
	if f.key != "" {
		text += fmt.Sprintf("key %q: ", f.key)
	}
	text += f.means
	if f.err != nil {
		// What follows quotes the command, with a password if AUTH is the unknown command.
		words, _, _ := strings.Cut(f.err.Error(), ", with args beginning with")
		text += ": " + words
	}
	return text
}

func (f *fault) Unwrap() error { return f.err }

// faults are the errors of Redis by their first words, its error codes (src/server.c, createSharedObjects). With any of
// them, nothing was stored.
var faults = map[string]fault{
	"LOADING": {means: "it is loading its data"},
	"READONLY": {moved: true,
		means: "it is a read-only replica: a failover is under way, or --to names the wrong server"},
	"MASTERDOWN":  {moved: true, means: "it is a replica without its master"},
	"CLUSTERDOWN": {moved: true, means: "the cluster is down, or no node serves this key's slot: see CLUSTER INFO"},
	"MOVED":       {moved: true, means: "the cluster has moved this key's slot"},
	"ASK":         {moved: true, means: "the cluster is moving this key's slot"},
	"TRYAGAIN":    {moved: true, means: "the cluster is moving this key's slot"},
	"NOREPLICAS":  {means: "it has fewer replicas than its min-replicas-to-write"},
	"OOM": {means: "it is out of memory: let the workers catch up, or raise maxmemory " +
		"(--max-list keeps a list from growing that far)"},
	"MISCONF":  {means: "it cannot save its data; its disk may be full: see its log"},
	"BUSY":     {means: "it is busy with another script"},
	"NOSCRIPT": {verdict: load, means: "it has lost the script"},
	"WRONGTYPE": {verdict: refuse, keyed: true,
		means: "the key holds something else: delete it, or choose another key in --to"},
	"CROSSSLOT": {verdict: refuse, keyed: true, means: "the key and its memory are in different slots"},
	"WRONGPASS": {verdict: refuse, means: "the user or the password is wrong: " +
		"see REDIS_PASSWORD or --redis-password-file, and the user in --to"},
	"NOAUTH": {verdict: refuse, means: "it wants a password: set REDIS_PASSWORD or give --redis-password-file"},
	"NOPERM": {verdict: refuse, means: "the user's ACL does not allow this: " +
		"docs/redis.md has the commands and keys that imzmq uses"},
}

// The script's own errors: see store.lua.
const codeOtherOwner, codeUsedUp = "OTHEROWNER", "USEDUP"

// claim returns why messages are refused to their sender, if that is because of its claim to its id.
// Redis is well then.
func (f *fault) claim() *message.ClaimError {
	switch f.code {
	case codeUsedUp:
		return &message.ClaimError{Kind: message.UsedUp}
	case codeOtherOwner:
		_, owner, _ := strings.Cut(f.err.Error(), codeOtherOwner+" ")
		key, name, _ := strings.Cut(owner, " ")
		return &message.ClaimError{Kind: message.OtherOwner, Owner: message.Claim{Key: key, Name: name}.Owner()}
	}
	return nil
}

// newFault returns what an error of a command means. A command that was answered with an error was not executed;
// without an answer that is unknown.
func newFault(err error, t *Target) *fault {
	var reply goredis.Error
	var path *os.PathError
	var operation *net.OpError
	var verification *tls.CertificateVerificationError
	var name x509.HostnameError
	var header tls.RecordHeaderError
	dialing := errors.As(err, &operation) && operation.Op == "dial"
	ended := !dialing && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET))
	away := &fault{verdict: wait, code: codeAway, unknown: !dialing, moved: true, ended: ended,
		means: "it cannot be reached", err: err}
	switch {
	case t.Mode == Sentinel && strings.Contains(err.Error(), "sentinels specified in configuration are unreachable"):
		away.unknown = false
		away.means = "no sentinel knows where the master is: check REDIS_SENTINEL_PASSWORD, the master's name in --to, " +
			"and that these servers are sentinels"
	case errors.As(err, &reply) && !errors.Is(err, goredis.Nil):
		return replyFault(err, reply.Error(), t)
	case errors.As(err, &path):
		return &fault{verdict: refuse, code: codeFile, means: "the password cannot be read", err: err}
	case errors.As(err, &name):
		return refusedTLS("its certificate is for another name: write that name in --to", err)
	case errors.As(err, &verification):
		return refusedTLS("its certificate is not trusted: see --redis-ca", err)
	case errors.As(err, &header):
		return refusedTLS("it does not speak TLS on this port: write redis:// for rediss://", err)
	case errors.As(err, &operation) && operation.Op == "remote error": // crypto/tls's name for an alert
		return refusedTLS("it does not accept this TLS client: see --redis-cert and --redis-key", err)
	case t.TLS:
		away.means = "it cannot be reached, or does not speak TLS on this port"
	case strings.Contains(err.Error(), "redis: invalid reply"), strings.Contains(err.Error(), "redis: can't parse"):
		away.means = "it does not speak Redis's protocol on this port; if it wants TLS, write rediss:// for redis://"
	case ended:
		// go-redis does not pass on what a server says before it closes a new connection.
		away.means = "it has ended the connection: it is stopping or starting, wants TLS, or accepts no clients " +
			"(maxclients, protected-mode: see its log)"
	}
	return away
}

func refusedTLS(means string, err error) *fault {
	return &fault{verdict: refuse, code: codeTLS, means: means, err: err}
}

// before7 is what errors inside a script begin with before version 7, and some still do after it.
var before7 = regexp.MustCompile(`^(ERR Error running script \(call to \w+\): )?(@user_script: ?\d+: )+-?`)

// replyFault returns what the text of an error from Redis means.
func replyFault(err error, text string, t *Target) *fault {
	text = strings.TrimPrefix(text, "EXECABORT Transaction discarded because of: ")
	text = before7.ReplaceAllString(text, "")
	code, _, _ := strings.Cut(text, " ")
	f, known := faults[code]
	has := func(words string) bool { return strings.Contains(text, words) }
	switch {
	case (code == "MOVED" || code == "ASK") && t.Mode != Cluster, has("SELECT is not allowed in cluster mode"):
		f = fault{verdict: refuse, means: "it belongs to a cluster: write redis+cluster:// for redis://"}
	case known:
	case has("invalid bulk length"):
		f = fault{tooLong: true, means: "a message is longer than its proto-max-bulk-len"}
	case has("max number of clients"):
		f = fault{means: "it accepts no more connections: see its maxclients"}
	case has("cluster support disabled"):
		f = fault{verdict: refuse, means: "it belongs to no cluster: write redis:// for redis+cluster://"}
	case has("DB index"):
		f = fault{verdict: refuse, means: "it has no such database: see the number in --to"}
	case has("can't run this command"), has("can't access"), has("ACL failure in script"): // in a script, from 7 on
		f = faults["NOPERM"]
	case has("invalid password"), has("AUTH <password>"): // before version 6
		f = faults["WRONGPASS"]
	case has("unknown command"):
		f = fault{verdict: refuse, means: "it lacks a command that imzmq uses, by its version or its configuration"}
	default:
		f = fault{verdict: refuse, means: "it refuses"}
	}
	f.code, f.err = code, err
	return &f
}

// cancelled returns Store's error for the end of ctx.
func cancelled(ctx context.Context, last *fault) error {
	if last == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w; %w", ctx.Err(), last)
}
