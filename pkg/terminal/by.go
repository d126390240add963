package terminal

import (
	"fmt"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// By is what messages are counted by. All but Topic are read from the payload (package syslog).
type By int

const (
	Topic By = iota
	Host
	Program
	Severity
)

// names are By's words, in the singular and in the plural.
var names = [...][2]string{
	Topic: {"topic", "topics"}, Host: {"host", "hosts"}, Program: {"program", "programs"}, Severity: {"severity", "severities"},
}

// severityNames are the values of Severity.
var severityNames = func() (names [severity.Debug + 1][]byte) {
	for s := range names {
		names[s] = []byte(severity.Severity(s).String())
	}
	return names
}()

// ByNames returns the words that ParseBy knows.
func ByNames() (words []string) {
	for _, name := range names {
		words = append(words, name[0])
	}
	return words
}

// ParseBy returns what a word means.
func ParseBy(word string) (By, error) {
	for by, name := range names {
		if name[0] == word {
			return By(by), nil
		}
	}
	return 0, fmt.Errorf("%q: write topic, host, program or severity", word)
}

// String returns "topic", and so on.
func (b By) String() string { return names[b][0] }

// Plural returns "topics", and so on.
func (b By) Plural() string { return names[b][1] }

// Next returns what is n places after b, in a circle.
func (b By) Next(n int) By { return By((int(b) + n + len(names)) % len(names)) }

// of returns a message's value. It borrows from topic or payload, and is empty if there is none.
func (b By) of(topic, payload []byte) []byte {
	switch b {
	case Host:
		return syslog.ParseOnly(payload, time.Time{}, syslog.Host).Host
	case Program:
		return syslog.ParseOnly(payload, time.Time{}, syslog.Program).Program
	case Severity:
		if s := syslog.ParseOnly(payload, time.Time{}, syslog.Priority).Severity; s >= 0 {
			return severityNames[s]
		}
		return nil
	}
	return topic
}

// AppendName appends what a row is called, safe to print.
func (b By) AppendName(dst []byte, row *Row) []byte {
	switch {
	case row.Rest:
		return append(append(append(dst, "(other "...), b.Plural()...), ')')
	case row.Key == "":
		return append(append(append(dst, "(no "...), b.String()...), ')')
	}
	return message.AppendSafe(dst, []byte(row.Key), false)
}

// title is b as the title of a column.
func (b By) title() string { return strings.ToUpper(b.String()) }
