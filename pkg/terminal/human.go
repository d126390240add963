package terminal

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// severityWords are what the lines call the severities.
var severityWords = [...]string{
	severity.Emerg: "emerg", severity.Alert: "alert", severity.Crit: "crit", severity.Err: "error",
	severity.Warning: "warn", severity.Notice: "notice", severity.Info: "info", severity.Debug: "debug",
}

const severityWidth = len("notice")

// appendHuman appends a message as people read it:
//
//	17:03:18 web3 nginx[6883] error  upstream timed out
func (p *Printer) appendHuman(dst []byte, m *message.Message, l *syslog.Line) []byte {
	if !p.columns.noTime {
		dst = append(p.clock.append(dst, timeOf(m, l), m.Received), ' ')
	}
	telling := len(m.Topic) > 0 && says(m.Topic, l)
	program, pid := l.Program, l.PID
	if program == nil && telling {
		program, pid, telling = m.Topic, nil, false
	}
	switch {
	case l.Host == nil && l.Program == nil:
		dst = p.appendSource(dst, m.Topic)
	case p.columns.noHost:
		dst = p.appendProgram(dst, program, nil)
	default:
		dst = p.appendProgram(p.appendHost(dst, l.Host), program, pid)
	}
	dst = p.appendSeverity(dst, l.Severity)
	if telling {
		dst = append(message.AppendSafe(append(dst, '['), m.Topic, false), "] "...)
	}
	return p.appendTextOf(dst, l)
}

// timeOf returns when a message was logged, or else received.
func timeOf(m *message.Message, l *syslog.Line) time.Time {
	if l.Time.IsZero() {
		return m.Received
	}
	return l.Time
}

// appendSeverity appends a severity's word in its column, and a space.
func (p *Printer) appendSeverity(dst []byte, of int) []byte {
	word := "-"
	if of >= 0 {
		word = severityWords[of]
	}
	dst = p.appendColored(dst, word, of)
	return pad(dst, severityWidth-len(word)+1)
}

// appendColored appends a severity's word in its colour.
func (p *Printer) appendColored(dst []byte, word string, of int) []byte {
	if !p.Color || of < 0 || severityColors[of] == "" {
		return append(dst, word...)
	}
	return append(append(append(dst, severityColors[of]...), word...), reset...)
}
