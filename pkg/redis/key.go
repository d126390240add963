package redis

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// topicMark stands for the topic in a key.
const topicMark = "{topic}"

// maxTopic is how many bytes of an escaped topic go into a key. A longer one is cut and made distinct by its hash.
const maxTopic = 200

// Key is the name of a list, stream or channel: as it is, or with {topic} in it. ParseKey makes it.
type Key struct {
	text string
	at   int // the index of topicMark in text; below 0: there is none
}

// ParseKey reads a key. Braces other than those of {topic} are Redis Cluster's hash tag: at most one pair, not empty.
func ParseKey(text string) (Key, error) {
	k := Key{text: text, at: strings.Index(text, topicMark)}
	if text == "" {
		return k, errors.New("the key is empty")
	}
	sample := text
	if k.at >= 0 {
		sample = text[:k.at] + "-" + text[k.at+len(topicMark):]
	}
	if strings.Contains(sample, topicMark) {
		return k, fmt.Errorf("key %q: it may hold %s only once", text, topicMark)
	}
	opening, closing := strings.IndexByte(sample, '{'), strings.IndexByte(sample, '}')
	switch {
	case opening < 0 && closing < 0:
	case strings.Count(sample, "{") > 1 || strings.Count(sample, "}") > 1 || closing < opening+2:
		return k, fmt.Errorf("key %q: braces are for %s, or for one hash tag of a cluster such as {logs}", text, topicMark)
	}
	return k, nil
}

// PerTopic reports whether the key depends on the topic.
func (k Key) PerTopic() bool { return k.at >= 0 }

// String returns the key as ParseKey reads it.
func (k Key) String() string { return k.text }

// append appends the key of a topic.
func (k Key) append(dst, topic []byte) []byte {
	if k.at < 0 {
		return append(dst, k.text...)
	}
	dst = append(dst, k.text[:k.at]...)
	dst = appendSafe(dst, topic)
	return append(dst, k.text[k.at+len(topicMark):]...)
}

// appendMemory appends the key of a sender's memory: {TAG}:stored:KEY:SENDER, in the slot of the list or stream. All
// topics share one memory, except in a cluster where their keys are in different slots. key is the key of the topic.
func (k Key) appendMemory(dst, key []byte, cluster bool, sender string) []byte {
	name := string(key)
	tag := name
	if k.at >= 0 && (!cluster || k.fixedSlot()) {
		name = k.text
		tag = k.text[:k.at] + "*" + k.text[k.at+len(topicMark):]
	}
	if _, after, found := strings.Cut(tag, "{"); found {
		tag, _, _ = strings.Cut(after, "}")
	}
	dst = append(append(dst, '{'), tag...)
	dst = append(append(dst, "}:stored:"...), name...)
	return append(append(dst, ':'), sender...)
}

// fixedSlot reports whether the keys of all topics have the same hash tag.
func (k Key) fixedSlot() bool {
	rest := k.text[:k.at] + k.text[k.at+len(topicMark):]
	opening, closing := strings.IndexByte(rest, '{'), strings.IndexByte(rest, '}')
	return opening >= 0 && (k.at <= opening || k.at > closing)
}

// appendSafe appends a topic. It writes bytes that do not belong in a key as %XX: those that do not print, spaces,
// quotes, what is not ASCII, braces (a hash tag), *?[]^\ (patterns of KEYS, SCAN and ACLs) and % itself. Different
// topics stay different. No topic is "-", RFC 5424's nil value.
func appendSafe(dst, topic []byte) []byte {
	if len(topic) == 0 {
		return append(dst, '-')
	}
	from := len(dst)
	for _, c := range topic {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'`{}*?[]^\\%", c) >= 0 {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			dst = append(dst, c)
		}
		if len(dst)-from > maxTopic {
			sum := sha256.Sum256(topic)
			dst = append(dst[:from+maxTopic-33], '~')
			return hex.AppendEncode(dst, sum[:16])
		}
	}
	return dst
}

const upperHex = "0123456789ABCDEF"
