package kafka

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Target is where in Kafka messages go. ParseTarget makes it.
type Target struct {
	TLS     bool
	SASL    Mechanism
	User    string   // with SASL; "": none
	Servers []string // host:port, dns+host:port or srv+name
	Topic   Topic
	Key     Key

	Compression string // none, gzip, snappy, lz4 or zstd

	Once     bool
	State    string        // with Once: the topic of the memory
	Remember time.Duration // with Once: how long a silent sender's numbers are remembered
	Timeout  time.Duration // with Once: of a transaction
}

// Mechanism is a mechanism of SASL; "": none.
type Mechanism string

// The mechanisms.
const (
	Plain       Mechanism = "PLAIN"
	Scram256    Mechanism = "SCRAM-SHA-256"
	Scram512    Mechanism = "SCRAM-SHA-512"
	OAuthBearer Mechanism = "OAUTHBEARER"
)

const (
	defaultPort        = "9092"
	defaultState       = "imzmq-stored"
	defaultRemember    = 7 * 24 * time.Hour
	defaultTimeout     = 30 * time.Second
	defaultCompression = "lz4" // brokers read every batch, and snappy costs them much more (BenchmarkStore)

	// A transaction may take as long as a broker allows by default (transaction.max.timeout.ms).
	leastTimeout, mostTimeout = time.Second, 15 * time.Minute

	form = "write kafka://host:port/TOPIC or kafka://host1:port,host2:port/TOPIC?key=sender&once=true; " +
		"kafka+tls for kafka, for TLS; docs/kafka.md has all settings"
)

// IsTarget reports whether text has the scheme of a target. The rest may be malformed.
func IsTarget(text string) bool {
	return strings.HasPrefix(text, "kafka://") || strings.HasPrefix(text, "kafka+tls://")
}

// errPassword quotes nothing of the text, which has or may have a password in it.
var errPassword = errors.New("a password does not belong on a command line, where every user of the host can read it: " +
	"set KAFKA_PASSWORD or give --kafka-password-file, and leave the user alone before the @")

// ParseTarget reads the URL of a target.
func ParseTarget(text string) (Target, error) {
	t, err := parseTarget(text)
	if err != nil && mayHoldPassword(text) {
		err = errPassword
	}
	if err != nil {
		return Target{}, fmt.Errorf("%w; %s", err, form)
	}
	return t, nil
}

// mayHoldPassword reports whether nothing of a malformed target may be quoted.
func mayHoldPassword(text string) bool {
	text = strings.ToLower(text)
	_, rest, _ := strings.Cut(text, "://")
	user := rest[:strings.LastIndexByte(rest, '@')+1]
	return strings.Contains(user, ":") || strings.Contains(user, "%3a") || strings.Contains(text, "pass")
}

func parseTarget(text string) (t Target, err error) {
	rest, plain := strings.CutPrefix(text, "kafka://")
	if !plain {
		rest, t.TLS = strings.CutPrefix(text, "kafka+tls://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, topic, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if t.User, err = url.PathUnescape(authority[:at]); err != nil {
			return t, fmt.Errorf("the user: %w", err)
		}
		if strings.Contains(authority[:at]+t.User, ":") {
			return t, errPassword
		}
		authority = authority[at+1:]
	}
	for server := range strings.SplitSeq(authority, ",") {
		if server, err = parseServer(server); err != nil {
			return t, err
		}
		t.Servers = append(t.Servers, server)
	}
	if t.Topic, err = ParseTopic(topic); err != nil {
		return t, err
	}
	if err := t.parseQuery(query); err != nil {
		return t, err
	}
	return t, t.check()
}

func parseServer(server string) (string, error) {
	if name, ok := strings.CutPrefix(server, "srv+"); ok {
		if name == "" || strings.Contains(name, ":") {
			return "", fmt.Errorf("server %q: write srv+NAME without a port, as in srv+_kafka._tcp.example.com", server)
		}
		return server, nil
	}
	if !strings.Contains(server, ":") || strings.HasSuffix(server, "]") {
		server += ":" + defaultPort
	}
	host, number, err := net.SplitHostPort(strings.TrimPrefix(server, "dns+"))
	if err == nil && host == "" {
		return "", errors.New("the host is missing")
	}
	if err != nil {
		return "", fmt.Errorf("server %q is not host:port", server)
	}
	if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("server %q: %q is not a port from 1 to 65535", server, number)
	}
	return server, nil
}

func (t *Target) parseQuery(query string) error {
	given := make(map[string]bool)
	for setting := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(setting, "=")
		if name == "" {
			continue
		}
		if given[name] {
			return fmt.Errorf("%s is given twice", name)
		}
		given[name] = true
		if err := t.set(name, value); err != nil {
			return err
		}
	}
	for _, name := range []string{"state", "remember", "transaction-timeout"} {
		if given[name] && !t.Once {
			return fmt.Errorf("%s is for once=true", name)
		}
	}
	return nil
}

func (t *Target) set(name, value string) (err error) {
	switch name {
	case "key":
		t.Key, err = ParseKey(value)
	case "compression":
		t.Compression = value
		if _, known := compressions[value]; !known {
			err = fmt.Errorf("compression=%s: write none, gzip, snappy, lz4 or zstd", value)
		}
	case "sasl":
		t.SASL, err = parseMechanism(value)
	case "once":
		if t.Once = value == "true"; !t.Once && value != "false" {
			err = fmt.Errorf("once=%s: write true or false", value)
		}
	case "state":
		if t.State = value; !validTopic(value) {
			err = fmt.Errorf("state=%s: a topic's name has 1 to 249 letters, digits, dots, underscores and hyphens", value)
		}
	case "remember":
		if t.Remember, err = time.ParseDuration(value); err != nil || t.Remember < time.Minute {
			err = fmt.Errorf("remember=%s: write a time of at least a minute, as in 168h", value)
		}
	case "transaction-timeout":
		if t.Timeout, err = time.ParseDuration(value); err != nil || t.Timeout < leastTimeout || t.Timeout > mostTimeout {
			err = fmt.Errorf("transaction-timeout=%s: write a time from %v to %v", value, leastTimeout, mostTimeout)
		}
	default:
		err = fmt.Errorf("%q is not known", name)
	}
	return err
}

func parseMechanism(value string) (Mechanism, error) {
	for _, m := range []Mechanism{Plain, Scram256, Scram512, OAuthBearer} {
		if strings.EqualFold(value, string(m)) {
			return m, nil
		}
	}
	return "", fmt.Errorf("sasl=%s: write %s, %s, %s or %s", value, Plain, Scram256, Scram512, OAuthBearer)
}

// check completes the target and finds settings that do not go together.
func (t *Target) check() error {
	switch {
	case t.User != "" && t.SASL == "":
		return fmt.Errorf("a user needs sasl=%s, %s or %s", Plain, Scram256, Scram512)
	case t.User == "" && t.SASL != "" && t.SASL != OAuthBearer:
		return fmt.Errorf("sasl=%s needs a user before the servers: kafka://USER@host:port/TOPIC", t.SASL)
	case t.User != "" && t.SASL == OAuthBearer:
		return fmt.Errorf("sasl=%s has no user: the token says who it is", t.SASL)
	}
	if t.Compression == "" {
		t.Compression = defaultCompression
	}
	if !t.Once {
		return nil
	}
	if t.State == "" {
		t.State = defaultState
	}
	if !t.Topic.PerTopic() && t.State == t.Topic.String() {
		return errors.New("the data and the memory of which messages are stored need topics of their own: see state")
	}
	if t.Remember == 0 {
		t.Remember = defaultRemember
	}
	if t.Timeout == 0 {
		t.Timeout = defaultTimeout
	}
	return nil
}

// String returns the target as ParseTarget reads it.
func (t Target) String() string {
	var b strings.Builder
	b.WriteString("kafka")
	if t.TLS {
		b.WriteString("+tls")
	}
	b.WriteString("://")
	if t.User != "" {
		b.WriteString(url.PathEscape(t.User) + "@")
	}
	b.WriteString(strings.Join(t.Servers, ",") + "/" + t.Topic.String())
	separator := "?"
	setting := func(name, value string, given bool) {
		if given {
			b.WriteString(separator + name + "=" + value)
			separator = "&"
		}
	}
	setting("key", t.Key.String(), t.Key != NoKey)
	setting("compression", t.Compression, t.Compression != defaultCompression)
	setting("sasl", string(t.SASL), t.SASL != "")
	setting("once", "true", t.Once)
	setting("state", t.State, t.Once && t.State != defaultState)
	setting("remember", t.Remember.String(), t.Once && t.Remember != defaultRemember)
	setting("transaction-timeout", t.Timeout.String(), t.Once && t.Timeout != defaultTimeout)
	return b.String()
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// validTopic reports whether Kafka takes a topic's name (org.apache.kafka.common.internals.Topic).
func validTopic(name string) bool {
	return topicName.MatchString(name) && name != "." && name != ".."
}
