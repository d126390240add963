package redis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Mode is how the servers of a target work together.
type Mode int

const (
	Single   Mode = iota // one server
	Cluster              // Redis Cluster; the servers are some of its nodes
	Sentinel             // the servers are sentinels, which know the master
)

// Kind is what the messages are stored in.
type Kind int

const (
	List    Kind = iota + 1 // a list, which grows at its tail
	Stream                  // a stream
	Channel                 // nothing: published to its subscribers
)

// Target is where in Redis messages go. ParseTarget makes it.
type Target struct {
	Mode    Mode
	TLS     bool
	User    string   // "": Redis's default user
	Servers []string // host:port
	Master  string   // Sentinel: the name of the master
	DB      int      // not with Cluster
	Kind    Kind
	Key     Key
	MaxLen  int64 // Stream: the length to trim to; 0: no limit
}

const (
	defaultPort  = "6379"
	sentinelPort = "26379"
	form         = "write redis://host:port/db?list=KEY, ?stream=KEY&maxlen=N or ?channel=NAME; " +
		"redis+cluster://host1:port,host2:port?list=KEY; redis+sentinel://host1:port,host2:port/master?list=KEY; " +
		"or rediss for redis, for TLS"
)

var schemes = []struct {
	name string
	mode Mode
	tls  bool
}{
	{"redis://", Single, false}, {"redis+cluster://", Cluster, false}, {"redis+sentinel://", Sentinel, false},
	{"rediss://", Single, true}, {"rediss+cluster://", Cluster, true}, {"rediss+sentinel://", Sentinel, true},
}

// IsTarget reports whether text has the scheme of a target. The rest may be malformed.
func IsTarget(text string) bool {
	for _, s := range schemes {
		if strings.HasPrefix(text, s.name) {
			return true
		}
	}
	return false
}

// MaxLength is the most that a list or stream may be limited to, in messages: more than Redis has memory for.
const MaxLength int64 = 1_000_000_000_000

// errPassword quotes nothing of the text, which has or may have a password in it.
var errPassword = errors.New("a password does not belong on a command line, where every user of the host can read it: " +
	"set REDIS_PASSWORD or give --redis-password-file, and leave the user alone before the @")

// ParseTarget reads the URL of a target. In keys, & and % are percent-encoded. A password is an error: every user of
// the host can read command lines.
func ParseTarget(text string) (Target, error) {
	t, err := parseTarget(text)
	if err != nil && MayHoldPassword(text) {
		err = errPassword
	}
	if err != nil {
		return Target{}, fmt.Errorf("%w; %s", err, form)
	}
	return t, nil
}

// MayHoldPassword reports whether a text that was meant as a target must not be quoted.
func MayHoldPassword(text string) bool {
	return strings.Contains(text, "@") || strings.Contains(strings.ToLower(text), "pass")
}

func parseTarget(text string) (t Target, err error) {
	rest := ""
	for _, s := range schemes {
		if after, ok := strings.CutPrefix(text, s.name); ok {
			t.Mode, t.TLS, rest = s.mode, s.tls, after
		}
	}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		if t.User, err = url.PathUnescape(authority[:at]); err != nil {
			return t, fmt.Errorf("the user: %w", err)
		}
		if strings.Contains(authority[:at]+t.User, ":") {
			return t, errPassword
		}
		authority = authority[at+1:]
	}
	if err := t.parseServers(authority); err != nil {
		return t, err
	}
	if err := t.parsePath(path); err != nil {
		return t, err
	}
	return t, t.parseQuery(query)
}

func (t *Target) parseServers(authority string) error {
	port := defaultPort
	if t.Mode == Sentinel {
		port = sentinelPort
	}
	for server := range strings.SplitSeq(authority, ",") {
		if !strings.Contains(server, ":") || strings.HasSuffix(server, "]") {
			server += ":" + port
		}
		host, number, err := net.SplitHostPort(server)
		if err == nil && host == "" {
			return errors.New("the host is missing")
		}
		if err != nil {
			return fmt.Errorf("server %q is not host:port", server)
		}
		if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("server %q: %q is not a port from 1 to 65535", server, number)
		}
		t.Servers = append(t.Servers, server)
	}
	if t.Mode == Single && len(t.Servers) > 1 {
		return errors.New("several servers are for a cluster or sentinels")
	}
	return nil
}

func (t *Target) parsePath(path string) error {
	if t.Mode == Sentinel {
		t.Master, path, _ = strings.Cut(path, "/")
		if t.Master == "" {
			return errors.New("the master's name, as the sentinels know it, is missing after the servers")
		}
	}
	if path == "" {
		return nil
	}
	db, err := strconv.ParseUint(path, 10, 16)
	if err != nil {
		return fmt.Errorf("%q is not the number of a database", path)
	}
	if t.Mode == Cluster && db != 0 {
		return errors.New("a cluster has database 0 only")
	}
	t.DB = int(db)
	return nil
}

func (t *Target) parseQuery(query string) error {
	kinds := map[string]Kind{"list": List, "stream": Stream, "channel": Channel}
	for setting := range strings.SplitSeq(query, "&") {
		name, text, _ := strings.Cut(setting, "=")
		value, err := url.PathUnescape(text)
		if err != nil {
			return fmt.Errorf("%s=%s: %w", name, text, err)
		}
		switch kind := kinds[name]; {
		case kind != 0 && t.Kind != 0:
			return errors.New("give only one list, stream or channel")
		case kind != 0:
			t.Kind = kind
			if t.Key, err = ParseKey(value); err != nil {
				return err
			}
		case name == "maxlen":
			if t.MaxLen, err = strconv.ParseInt(value, 10, 64); err != nil || t.MaxLen < 1 || t.MaxLen > MaxLength {
				return fmt.Errorf("maxlen=%s: write the length of a stream, from 1 to %d", text, MaxLength)
			}
		case name != "":
			return fmt.Errorf("%q is not known", name)
		}
	}
	if t.Kind == 0 {
		return errors.New("the list, stream or channel is missing")
	}
	if t.MaxLen != 0 && t.Kind != Stream {
		return errors.New("maxlen is for a stream; a list is bounded by --max-list, which loses nothing")
	}
	return nil
}

// String returns the target as ParseTarget reads it.
func (t Target) String() string {
	var b strings.Builder
	for _, s := range schemes {
		if s.mode == t.Mode && s.tls == t.TLS {
			b.WriteString(s.name)
		}
	}
	if t.User != "" {
		b.WriteString(url.PathEscape(t.User) + "@")
	}
	b.WriteString(strings.Join(t.Servers, ","))
	if t.Mode == Sentinel {
		b.WriteString("/" + t.Master)
	}
	if t.Mode != Cluster {
		fmt.Fprintf(&b, "/%d", t.DB)
	}
	kind := map[Kind]string{List: "list", Stream: "stream", Channel: "channel"}[t.Kind]
	fmt.Fprintf(&b, "?%s=%s", kind, strings.NewReplacer("%", "%25", "&", "%26").Replace(t.Key.String()))
	if t.MaxLen != 0 {
		fmt.Fprintf(&b, "&maxlen=%d", t.MaxLen)
	}
	return b.String()
}
