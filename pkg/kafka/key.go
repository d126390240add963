package kafka

import (
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// Key is what the key of a record is. Records with one key are in one partition, and thus in order.
type Key int

// The keys.
const (
	NoKey      Key = iota // none: a batch goes to any one partition
	SenderKey             // the sender's id; in plain delivery, its address
	TopicKey              // the message's topic
	HostKey               // the host that the line names
	ProgramKey            // the program that the line names
)

var keys = map[Key]string{NoKey: "none", SenderKey: "sender", TopicKey: "topic", HostKey: "{host}", ProgramKey: "{program}"}

// ParseKey reads the value of key.
func ParseKey(text string) (Key, error) {
	for key, name := range keys {
		if name == text {
			return key, nil
		}
	}
	return 0, fmt.Errorf("key=%s: write none, sender, topic, {host} or {program}", text)
}

// String returns the key as ParseKey reads it.
func (k Key) String() string { return keys[k] }

// fields returns what of the line makes the key.
func (k Key) fields() syslog.Fields {
	switch k {
	case HostKey:
		return syslog.Host
	case ProgramKey:
		return syslog.Program
	}
	return 0
}
