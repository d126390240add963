package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// verdict is what a fault means for the messages that were sent.
type verdict int

const (
	wait    verdict = iota // it can pass: send the same again later
	refuse                 // it needs a person: the sender is answered the reason
	tooLong                // a batch, or one record, is longer than the topic takes
	odd                    // the broker does not take one of the records that were sent together
	untimed                // it does not take a record's time
)

// fault is why messages were not, or perhaps not, stored.
type fault struct {
	verdict verdict
	code    string // Kafka's name of the error, or one of the codes below
	topic   string // it concerns that topic alone; "": all
	fatal   bool   // the session is of no use any more
	whole   bool   // it concerns the cluster, whichever topic has met it
	quiet   bool   // it passes soon, and is not logged
	means   string // what it means, for the operator
	err     error
}

const (
	codeAway   = "away"
	codeFile   = "file"
	codeTLS    = "tls"
	codeQuota  = "quota"
	codeSilent = "silent"
	codeState  = "state"
)

func (f *fault) Error() string {
	text := "kafka: "
	if f.topic != "" {
		text += fmt.Sprintf("topic %q: ", f.topic)
	}
	text += f.means
	if f.err != nil {
		text += ": " + f.err.Error()
	}
	return text
}

func (f *fault) Unwrap() error { return f.err }

// of returns the fault as one of a topic, if it is.
func (f *fault) of(topic string) *fault {
	g := *f
	if !g.whole {
		g.topic = topic
	}
	return &g
}

const (
	noBroker    = "no broker can be reached"
	leaderMoves = "a partition has no leader at the moment, or it is moving: an election is under way, or brokers are down"
	tooFew      = "fewer replicas are in sync than min.insync.replicas: bring the brokers back"
	coordinator = "the coordinator of transactions is starting or moving"
	fenced      = "the transaction was ended by Kafka: another imzmq has taken over some of the senders, " +
		"or it was older than transaction-timeout"
	noSuchTopic = "there is no such topic: create it (kafka-topics.sh --create), or correct --to; imzmq does not create it"
)

// faults are the errors of Kafka (org.apache.kafka.common.protocol.Errors) that say something to an operator.
var faults = map[*kerr.Error]fault{
	kerr.NotLeaderForPartition: {means: leaderMoves},
	kerr.LeaderNotAvailable:    {means: leaderMoves},
	kerr.ReplicaNotAvailable:   {means: leaderMoves},
	kerr.FencedLeaderEpoch:     {means: leaderMoves},
	kerr.UnknownLeaderEpoch:    {means: leaderMoves},

	kerr.NotEnoughReplicas:            {means: tooFew},
	kerr.NotEnoughReplicasAfterAppend: {means: tooFew},

	kerr.CoordinatorLoadInProgress: {means: coordinator},
	kerr.CoordinatorNotAvailable:   {means: coordinator},
	kerr.NotCoordinator:            {means: coordinator},
	kerr.ConcurrentTransactions:    {means: coordinator},

	kerr.RequestTimedOut: {means: "the replicas do not answer in time"},
	kerr.KafkaStorageError: {means: "a broker cannot write to its disk, which may be full or broken: " +
		"see the brokers' logs"},
	kerr.ThrottlingQuotaExceeded: {means: "a quota is used up"},

	kerr.ProducerFenced:           {fatal: true, means: fenced},
	kerr.InvalidProducerEpoch:     {fatal: true, means: fenced},
	kerr.InvalidTxnState:          {fatal: true, means: fenced},
	kerr.InvalidProducerIDMapping: {fatal: true, means: fenced},
	kerr.TransactionAbortable:     {fatal: true, means: fenced},
	kerr.UnknownProducerID:        {fatal: true, means: fenced},
	kerr.OutOfOrderSequenceNumber: {fatal: true, means: fenced},
	kerr.OperationNotAttempted:    {fatal: true, means: fenced},

	kerr.UnknownTopicOrPartition: {verdict: refuse, fatal: true, means: noSuchTopic},
	kerr.UnknownTopicID:          {verdict: refuse, fatal: true, means: noSuchTopic},
	kerr.InvalidTopicException:   {verdict: refuse, means: "Kafka does not allow this name, or keeps the topic for itself"},

	kerr.TopicAuthorizationFailed: {verdict: refuse,
		means: "the user may not write to it: allow WRITE and DESCRIBE (docs/kafka.md has all that imzmq needs)"},
	kerr.ClusterAuthorizationFailed: {verdict: refuse, fatal: true, whole: true,
		means: "the user may not do this: docs/kafka.md has what imzmq needs (before Kafka 3, IDEMPOTENT_WRITE, too)"},
	kerr.TransactionalIDAuthorizationFailed: {verdict: refuse, fatal: true, whole: true,
		means: "the user may not use transactions: allow WRITE and DESCRIBE for the transactional ids that begin with imzmq."},
	kerr.SaslAuthenticationFailed: {verdict: refuse, fatal: true, whole: true,
		means: "the user, the password or the token is wrong: see KAFKA_PASSWORD, --kafka-password-file, " +
			"--kafka-token-file, and the user in --to"},
	kerr.UnsupportedSaslMechanism: {verdict: refuse, fatal: true, whole: true,
		means: "it does not know this mechanism of SASL: see sasl in --to"},
	kerr.IllegalSaslState: {verdict: refuse, fatal: true, whole: true, means: "it wants no SASL on this port: leave sasl out of --to"},
	kerr.InvalidTransactionTimeout: {verdict: refuse, fatal: true, whole: true,
		means: "transaction-timeout in --to is longer than the brokers' transaction.max.timeout.ms"},

	kerr.MessageTooLarge:    {verdict: tooLong, means: "a message is longer than its max.message.bytes"},
	kerr.RecordListTooLarge: {verdict: tooLong, means: "a batch is longer than its segment.bytes"},

	kerr.InvalidRecord: {verdict: odd, means: "it does not take this message: it is compacted and wants a key, " +
		"or a validator of the broker refuses it"},
	kerr.InvalidTimestamp: {verdict: untimed, means: "it does not take the line's time"},
	kerr.PolicyViolation:  {verdict: refuse, means: "a policy of the brokers does not allow it"},
	kerr.UnsupportedVersion: {verdict: refuse, fatal: true, whole: true,
		means: "the brokers are too old for this: imzmq is tested with Kafka 4; once=true needs 2.5 or newer"},
	kerr.UnknownServerError: {fatal: true, means: "a broker has failed: see its log"},
}

// newFault returns what an error means. net has what has happened to the connections.
func newFault(err error, net *network, tls bool) *fault {
	var code *kerr.Error
	if errors.As(err, &code) {
		return codeFault(code, err)
	}
	known := net.trouble()
	unexplained := errors.Is(err, kgo.ErrRecordRetries) || errors.Is(err, kgo.ErrRecordTimeout) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, kgo.ErrClientClosed)
	if known != nil && unexplained {
		if err = known; errors.As(err, &code) {
			return codeFault(code, err)
		}
	} else if errors.Is(err, kgo.ErrRecordRetries) || errors.Is(err, kgo.ErrRecordTimeout) {
		return &fault{code: codeSilent, err: err, means: "a partition has no leader, or its leader does not store records: " +
			"see the brokers' logs"}
	}
	f := connectionFault(err, tls)
	if f.code == codeAway && f.means == noBroker && net.answers() {
		f.means = "brokers cannot be reached" // some, or all
	}
	return f
}

func codeFault(code *kerr.Error, err error) *fault {
	f, known := faults[code]
	switch {
	case known:
	case code.Retriable:
		f = fault{means: "it has a trouble that passes"}
	default:
		f = fault{verdict: refuse, fatal: true, means: "it refuses"}
	}
	f.code, f.err = code.Message, err
	return &f
}

// noSecret returns the fault of a password's or a token's file that cannot be read.
func noSecret(err error) *fault {
	return &fault{verdict: refuse, code: codeFile, fatal: true, whole: true, means: "the password or the token cannot be read", err: err}
}

// notBegun is why a transaction may wait for long before it begins.
var notBegun = &fault{code: codeSilent, means: "no transaction begins: brokers are slow or down, or the one before has not " +
	"ended, because a partition that it wrote to has no leader"}

// connectionFault returns the fault of a connection that fails.
func connectionFault(err error, secure bool) *fault {
	var path *os.PathError
	var operation *net.OpError
	var verification *tls.CertificateVerificationError
	var name x509.HostnameError
	var header tls.RecordHeaderError
	var first *kgo.ErrFirstReadEOF
	var handshake *handshakeError
	away := &fault{code: codeAway, whole: true, means: noBroker, err: err}
	refuseTLS := func(means string) *fault {
		return &fault{verdict: refuse, code: codeTLS, fatal: true, whole: true, means: means, err: err}
	}
	switch {
	case errors.As(err, &path):
		return noSecret(err)
	case errors.As(err, &name):
		return refuseTLS("a broker's certificate is for another name: write that name in --to, " +
			"or in the broker's advertised.listeners")
	case errors.As(err, &verification):
		return refuseTLS("a broker's certificate is not trusted: see --kafka-ca")
	case errors.As(err, &header):
		return refuseTLS("it does not speak TLS on this port: write kafka:// for kafka+tls://")
	case strings.Contains(err.Error(), "invalid large response size"): // franz-go has no type for it
		return refuseTLS("it does not answer as Kafka does, and may speak TLS on this port: write kafka+tls:// for kafka://")
	case errors.As(err, &operation) && operation.Op == "remote error": // crypto/tls's name for an alert
		return refuseTLS("a broker does not accept this TLS client: see --kafka-cert and --kafka-key")
	case errors.As(err, &handshake) && errors.Is(err, io.EOF):
		away.means = "a broker has ended the connection: it is stopping, or does not speak TLS on this port (write kafka:// " +
			"for kafka+tls://)"
	case errors.As(err, &first) && secure:
		away.means = "a broker has ended the connection: it is stopping, wants SASL, or a client certificate " +
			"(--kafka-cert and --kafka-key)"
	case errors.As(err, &first):
		away.means = "a broker has ended the connection: it is stopping, or wants TLS (kafka+tls://) or SASL (sasl=…)"
	}
	return away
}

// cancelled returns Store's error for the end of ctx.
func cancelled(ctx context.Context, last *fault) error {
	if last == nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w; %w", ctx.Err(), last)
}
