package kafka

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

// What String writes, ParseTarget reads as the same.
func TestTargetRoundTrip(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Target{
		"kafka://localhost/logs": {Servers: []string{"localhost:9092"}, Topic: Topic{before: "logs"}, Compression: "lz4"},
		"kafka+tls://u@a:1,[::1]:2,dns+b:3,srv+_kafka._tcp.example.com/logs.{topic}?key={host}&compression=zstd&sasl=scram-sha-512": {
			TLS: true, SASL: Scram512, User: "u", Servers: []string{"a:1", "[::1]:2", "dns+b:3", "srv+_kafka._tcp.example.com"},
			Topic: Topic{before: "logs.", perTopic: true}, Key: HostKey, Compression: "zstd"},
		"kafka://a/{topic}?once=true": {Servers: []string{"a:9092"}, Topic: Topic{perTopic: true}, Compression: "lz4", Once: true,
			State: "imzmq-stored", Remember: 168 * time.Hour, Timeout: 30 * time.Second},
		"kafka://a/logs?once=true&state=s&remember=24h&transaction-timeout=10s&key=sender": {Servers: []string{"a:9092"},
			Topic: Topic{before: "logs"}, Key: SenderKey, Compression: "lz4", Once: true,
			State: "s", Remember: 24 * time.Hour, Timeout: 10 * time.Second},
		"kafka+tls://a/logs?sasl=OAUTHBEARER&once=false&key=none": {TLS: true, Servers: []string{"a:9092"},
			Topic: Topic{before: "logs"}, SASL: OAuthBearer, Compression: "lz4"},
	} {
		if !IsTarget(text) {
			t.Errorf("%s is no target", text)
		}
		got, err := ParseTarget(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
			continue
		}
		if again, err := ParseTarget(got.String()); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s is written %s, which is %+v, %v", text, got, again, err)
		}
	}
}

// An error says what is wrong, and what to write.
func TestTargetErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"kafka:///logs":                                     "host is missing",
		"kafka://a":                                         "topic is missing",
		"kafka://a:0/logs":                                  "port from 1 to 65535",
		"kafka://a:x/logs":                                  "port from 1 to 65535",
		"kafka://srv+/logs":                                 "srv+NAME",
		"kafka://srv+n:1/logs":                              "without a port",
		"kafka://a/a b":                                     "letters, digits",
		"kafka://a/a/b":                                     "letters, digits",
		"kafka://a/..":                                      "letters, digits",
		"kafka://a/{topic}.{topic}":                         "at most once",
		"kafka://a/logs?key=x":                              "sender, topic",
		"kafka://a/logs?key=topic&key=topic":                "given twice",
		"kafka://a/logs?compression=zip":                    "lz4",
		"kafka://a/logs?once=yes":                           "true or false",
		"kafka://a/logs?state=s":                            "once=true",
		"kafka://a/logs?once=true&state=logs":               "topics of their own",
		"kafka://a/logs?once=true&state=a b":                "letters, digits",
		"kafka://a/logs?once=true&remember=1s":              "at least a minute",
		"kafka://a/logs?once=true&transaction-timeout=1h":   "from 1s to 15m",
		"kafka://a/logs?acks=1":                             "not known",
		"kafka://a/logs?sasl=plain":                         "needs a user",
		"kafka://a/logs?sasl=kerberos":                      "SCRAM-SHA-256",
		"kafka://u@a/logs":                                  "needs sasl=PLAIN",
		"kafka://u:p/w@a/logs":                              "password does not belong",
		"kafka://u@a/logs?sasl=x":                           "SCRAM-SHA-256",
		"kafka://u:secret@a/logs?sasl=plain":                "password does not belong",
		"kafka://u%3Asecret@a/logs?sasl=plain":              "password does not belong",
		"kafka://a/logs?sasl=plain&password=secret":         "password does not belong",
		"kafka://a/" + strings.Repeat("x", 250):             "249",
		"kafka://a/" + strings.Repeat("x", 150) + "{topic}": "149 bytes",
	} {
		_, err := ParseTarget(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "kafka://host:port/TOPIC") {
			t.Errorf("%s: %v; it should say %q", text, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error quotes the password: %v", text, err)
		}
	}
}
