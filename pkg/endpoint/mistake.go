package endpoint

import "strings"

// mistaken returns what to write instead of a text that is no endpoint here, or "". Other programs would take most of
// these texts: czmq has lists and the signs @ and > (zsock(3)), libzmq a source address before a semicolon
// (zmq_tcp(7)).
func mistaken(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	switch {
	case strings.HasPrefix(text, "@") && found:
		return "czmq's @ says that it is bound; here a flag does: write " + text[1:]
	case strings.HasPrefix(text, ">") && found:
		return "czmq's > says that it is connected to; here a flag does: write " + text[1:]
	case strings.HasSuffix(scheme, "tcp") && strings.Contains(rest, ","), strings.Contains(rest, "://"):
		return "several endpoints in one: give each of them on its own"
	case scheme == "tcp" && strings.Contains(rest, ";"):
		return "a source address cannot be chosen: write tcp:// and what follows the semicolon"
	case found:
		return ""
	case strings.HasPrefix(text, "/"):
		return "write ipc://" + text
	}
	if e, err := parseTCP(text, true); err == nil && !strings.HasSuffix(e.Address, ":0") {
		return "write tcp://" + text
	}
	return "write tcp://host:port or ipc:///path"
}
