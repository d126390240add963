package redis_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
)

func key(t *testing.T, text string) redis.Key {
	t.Helper()
	k, err := redis.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]redis.Target{
		"redis://127.0.0.1:6379/0?list=logs":                 {Servers: []string{"127.0.0.1:6379"}, Kind: redis.List, Key: key(t, "logs")},
		"redis://bob@[::1]:6380/3?stream=a.{topic}&maxlen=9": {User: "bob", Servers: []string{"[::1]:6380"}, DB: 3, Kind: redis.Stream, Key: key(t, "a.{topic}"), MaxLen: 9},
		"rediss://log.example.org:6379/0?channel=a%26b%25":   {TLS: true, Servers: []string{"log.example.org:6379"}, Kind: redis.Channel, Key: key(t, "a&b%")},
		"redis+cluster://a:1,b:2?list={logs}.{topic}":        {Mode: redis.Cluster, Servers: []string{"a:1", "b:2"}, Kind: redis.List, Key: key(t, "{logs}.{topic}")},
		"redis+sentinel://a:1,b:26379/main/2?list=c++":       {Mode: redis.Sentinel, Servers: []string{"a:1", "b:26379"}, Master: "main", DB: 2, Kind: redis.List, Key: key(t, "c++")},
		"rediss+cluster://a:1?list=x":                        {Mode: redis.Cluster, TLS: true, Servers: []string{"a:1"}, Kind: redis.List, Key: key(t, "x")},
		"rediss+sentinel://a:1/m/0?list=x":                   {Mode: redis.Sentinel, TLS: true, Servers: []string{"a:1"}, Master: "m", Kind: redis.List, Key: key(t, "x")},
	} {
		got, err := redis.ParseTarget(text)
		if err != nil || !reflect.DeepEqual(got, want) || got.String() != text || !redis.IsTarget(text) {
			t.Errorf("%s: %+v (%s), %v", text, got, got, err)
		}
	}
	for text, want := range map[string]string{ // defaults
		"redis://host?list=a":                  "redis://host:6379/0?list=a",
		"redis://[::1]?list=a":                 "redis://[::1]:6379/0?list=a",
		"redis+sentinel://h,i:7/main?list=a":   "redis+sentinel://h:26379,i:7/main/0?list=a",
		"redis+cluster://h,i/0?list=a":         "redis+cluster://h:6379,i:6379?list=a",
		"redis://b%40c@h/?maxlen=3&stream=%7B": "",
	} {
		if got, err := redis.ParseTarget(text); got.String() != want && (want != "" || err == nil) {
			t.Errorf("%s is %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestParseTargetErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"redis://h/0":                                     "the list, stream or channel is missing",
		"redis://h/0?list=":                               "the key is empty",
		"redis://h/0?list=a&stream=b":                     "only one list, stream or channel",
		"redis://h/0?list=a&maxlen=5":                     "--max-list",
		"redis://h/0?stream=a&maxlen=0":                   "from 1 to 1000000000000",
		"redis://h/0?stream=a&maxlen=9223372036854775807": "from 1 to 1000000000000",
		"redis://h/0?list=a&timeout=3":                    `"timeout" is not known`,
		"redis://h/x?list=a":                              "number of a database",
		"redis://h/-1?list=a":                             "number of a database",
		"redis://?list=a":                                 "the host is missing",
		"redis:///tmp/redis.sock?list=a":                  "the host is missing",
		"redis://h:0?list=a":                              "not a port",
		"redis://h:70000?list=a":                          "not a port",
		"redis://::1?list=a":                              "not host:port",
		"redis://a,b?list=a":                              "for a cluster or sentinels",
		"redis+cluster://a/1?list=a":                      "database 0 only",
		"redis+sentinel://a?list=a":                       "master's name",
		"redis://h?list=a%zz":                             "invalid URL escape",
		"redis://h?list={a":                               "braces",
		"redis://h?list={}":                               "braces",
		"redis://h?list=}a{":                              "braces",
		"redis://h?list={a}{b}":                           "braces",
		"redis://h?list={topic}{topic}":                   "once",
		"redis://u:secret@h?list=a":                       "REDIS_PASSWORD",
		"redis://:secret@h?list=a":                        "REDIS_PASSWORD",
		"redis://h?list=a&password=sec%ret":               "REDIS_PASSWORD",
		"redis://u:p/secret@h?list=a":                     "REDIS_PASSWORD",
		"redis://:se?secret@h":                            "REDIS_PASSWORD",
		"redis://:sec#secret/x@h":                         "REDIS_PASSWORD",
		"redis://u:100%secret@h?list=a":                   "REDIS_PASSWORD",
		"redis://u%3Asecret@h?list=a":                     "REDIS_PASSWORD",
		"redis://h:1/secret@x":                            "REDIS_PASSWORD",
		"redis+cluster://u:secret@a,b?list=":              "REDIS_PASSWORD",
	} {
		_, err := redis.ParseTarget(text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "write redis://host:port/db?list=KEY") {
			t.Errorf("%s: %v, want %q and the form", text, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec%")) {
			t.Errorf("%v: it quotes the password", err)
		}
	}
}

// A target that is written as text is read as the same target.
func FuzzParseTarget(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		target, err := redis.ParseTarget(text)
		if err != nil {
			return
		}
		again, err := redis.ParseTarget(target.String())
		if err != nil || !reflect.DeepEqual(again, target) {
			t.Fatalf("%q is written %q and read as %+v, %v", text, target, again, err)
		}
	})
}

// A fuzz target without committed seeds tests nothing in an ordinary run.
func TestFuzzSeeds(t *testing.T) {
	t.Parallel()
	if seeds, err := os.ReadDir("testdata/fuzz/FuzzParseTarget"); err != nil || len(seeds) == 0 {
		t.Errorf("FuzzParseTarget has no seeds: %v", err)
	}
}
