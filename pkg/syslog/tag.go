package syslog

import (
	"bytes"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

// hostAndTag reads what follows the time in a line of RFC 3164, and returns what follows the tag. A first word that
// cannot be a host is the tag: what was logged on this host has no name of it. After a PRI it is certain that the line
// has a header at all.
func (h *Header) hostAndTag(b []byte, want Fields, certain bool) (rest []byte) {
	host, tag := []byte(nil), b
	if n := hostEnd(b); n > 0 {
		host, tag = b[:n], b[min(n+1, len(b)):]
	}
	if !certain {
		if rest, ok := unlike(b, host, tag); ok {
			return rest
		}
	}
	if want&Host != 0 {
		h.Host = field(host)
	}
	if want&(Program|PID) == 0 {
		return nil
	}
	end := tagEnd(tag)
	h.tag(tag[:end], want)
	if rest = tag[end:]; len(rest) > 0 && rest[0] == ':' {
		rest = rest[1:]
	}
	if len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n') {
		rest = rest[1:]
	}
	return rest
}

// unlike reports whether a line without a PRI, of which b follows a time, is unlike syslog, and returns what follows
// the time. Programs and containers write such lines:
//
//	2026-10-11T22:14:15Z INFO main.go:12 text        a level in the place of the host
//	2026-10-11T22:14:15Z  INFO 1 --- [main] text     two spaces
//	2026-10-11T22:14:15Z 0 [Warning] text            a bracket in the place of the program
//	2026-10-11T22:14:15Z stdout F text               the files of containerd and CRI-O
func unlike(b, host, tag []byte) (rest []byte, ok bool) {
	if _, level := severity.OfWord(host); level {
		return b, true
	}
	if len(tag) > 0 && (host == nil && tag[0] == ' ' || tag[0] == '[') {
		return bytes.TrimLeft(b, " "), true
	}
	if stream := string(host); stream == "stdout" || stream == "stderr" {
		if len(tag) >= 2 && (tag[0] == 'F' || tag[0] == 'P') && tag[1] == ' ' {
			return tag[2:], true
		}
	}
	return nil, false
}

// hostEnd returns the length of the host that b begins with, 0 if there is none: letters, digits, ".", "_" and "-", of
// which the last is a letter or digit, or an IPv6 address.
func hostEnd(b []byte) int {
	i := 0
	for i < len(b) && (alphanumeric(b[i]) || b[i] == '.' || b[i] == '_' || b[i] == '-') {
		i++
	}
	switch {
	case i == len(b):
		return i
	case b[i] == ':':
		return ipv6End(b)
	case b[i] != ' ' || i == 0 || !alphanumeric(b[i-1]):
		return 0
	}
	return i
}

// ipv6End returns the length of the IPv6 address that b begins with, up to a space, 0 if there is none. It knows one by
// its characters and two colons, one of which is not at the end. rsyslog would take it for a tag.
func ipv6End(b []byte) int {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	colons := 0
	for i, c := range b[:min(len(b), longest+1)] {
		switch {
		case c == ':':
			colons++
		case c == ' ' && colons >= 2 && (b[i-1] != ':' || b[i-2] == ':'):
			return i
		case c != '.' && !hexadecimal(c):
			return 0
		}
	}
	return 0
}

// tagEnd returns the length of the tag that b begins with: up to a colon or white space, which are excluded.
func tagEnd(b []byte) int {
	b = b[:min(len(b), maxTag)]
	for i, c := range b {
		switch c {
		case ':', ' ', '\t', '\n', '\r':
			return i
		}
	}
	return len(b)
}

// tag divides a tag such as "sshd[4123]:". A value that is there already stays.
func (h *Header) tag(tag []byte, want Fields) {
	if want&Program != 0 && h.Program == nil {
		h.Program = field(programOf(tag))
	}
	if want&PID != 0 && h.PID == nil {
		h.PID = field(pidOf(tag))
	}
}

// programOf returns the program of a tag: up to a control character, ":", "[" or "/". Where a path is in its place, as
// in "/USR/SBIN/CRON[7]", it is the path's last element.
func programOf(tag []byte) []byte {
	path := len(tag) > 0 && tag[0] == '/'
	start := 0
	for i, c := range tag {
		switch {
		case c == '/' && path:
			start = i + 1
		case c < ' ' || c == 0x7f || c == ':' || c == '[' || c == '/':
			return tag[start:i]
		}
	}
	return tag[start:]
}

// pidOf returns what is in a tag's first brackets.
func pidOf(tag []byte) []byte {
	start := bytes.IndexByte(tag, '[') + 1
	if start == 0 {
		return nil
	}
	n := bytes.IndexByte(tag[start:], ']')
	if n < 0 {
		return nil
	}
	return tag[start : start+n]
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func hexadecimal(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
