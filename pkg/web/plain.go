package web

import (
	"bytes"
	"iter"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// plainText is one payload per line, with lines of its own where something is missing. Those begin with message.Own,
// and no payload's line does.
type plainText struct {
	raw        bool // the bytes stay as they are, except line feeds and NULs; otherwise shown
	restricted bool // see eventStream
}

func (plainText) begin(dst []byte) []byte { return dst }

// status appends a line when publishers have been away for a while, and one when they are back. A reader that has the
// usual case gets none: most readers are programs.
func (p plainText) status(dst []byte, now, before *tap.Status) []byte {
	away, was := now.Away, ""
	if before != nil {
		was = before.Away
	}
	if p.restricted {
		away, was = aloneText(now), aloneText(before)
	}
	switch {
	case away == was:
		return dst
	case away == "":
		away = "all publishers are connected"
		if p.restricted {
			away = "a publisher is connected"
		}
	}
	return append(message.AppendSafe(append(dst, message.Own...), []byte(away), false), '\n')
}

// aloneText says that no publisher is connected, if Away says so of any; "": there is one, or none has been missed.
func aloneText(s *tap.Status) string {
	if s == nil || s.Up || s.Away == "" {
		return ""
	}
	return "no publisher is connected"
}

// shown returns what people see of a payload, after AppendSafeLine: a line feed at its end is that of a line.
func shown(payload []byte) []byte { return bytes.TrimSuffix(payload, []byte("\n")) }

func (p plainText) message(dst []byte, m *tap.Message) []byte {
	if p.raw {
		return append(message.AppendBytesLine(dst, m.Payload), '\n')
	}
	return append(message.AppendSafeLine(dst, shown(m.Payload), true), '\n')
}

func (p plainText) pieces(dst []byte, m *tap.Message) iter.Seq[[]byte] {
	first, later, payload := message.AppendBytesLine, message.AppendLine, m.Payload
	if !p.raw {
		payload = shown(payload)
		first = func(dst, text []byte) []byte { return message.AppendSafeLine(dst, text, true) }
		later = func(dst, text []byte) []byte { return message.AppendSafe(dst, text, true) }
	}
	return func(yield func([]byte) bool) {
		for rest, next := payload, first; len(rest) > 0; next = later {
			n := whole(rest, maxWrite)
			if dst = next(dst, rest[:n]); !yield(dst) {
				return
			}
			dst, rest = dst[:0], rest[n:]
		}
		yield(append(dst, '\n'))
	}
}

// whole returns how many bytes of a text, at most so many, can be written without what follows: no character is cut.
func whole(text []byte, most int) int {
	if len(text) <= most {
		return len(text)
	}
	for n := most; n > most-utf8.UTFMax; n-- {
		if utf8.RuneStart(text[n]) {
			return n
		}
	}
	return most // there is no character
}

func (plainText) missed(dst []byte, n, _ uint64) []byte {
	dst = append(append(dst, message.Own...), message.Count(n, "message is", "messages are")...)
	return append(dst, " missing here: this reader is too slow\n"...)
}

func (plainText) gap(dst []byte, g *tap.Gap) []byte {
	return append(message.AppendSafe(append(dst, message.Own...), []byte(g.String()), false), '\n')
}

func (plainText) end(dst []byte, reason string) []byte {
	return append(append(append(dst, message.Own...), reason...), '\n')
}

// heartbeat appends nothing: a reader would take any line for a payload.
func (plainText) heartbeat(dst []byte) []byte { return dst }
