package rsyslogconf

import "strings"

// globals are the legacy directives about everything, with the names of their parameters in global().
var globals = map[string]string{
	"workdirectory":                          "workdirectory",
	"privdroptouser":                         "privdrop.user.name",
	"privdroptouserid":                       "privdrop.user.id",
	"escapecontrolcharactersonreceive":       "parser.escapecontrolcharactersonreceive",
	"parserescapecontrolcharactersonreceive": "parser.escapecontrolcharactersonreceive",
	"maxmessagesize":                         "maxmessagesize",
}

// actions are the legacy directives about the next action, with the names of the action's parameters.
var actions = map[string]string{
	"actionomprogbinary":                 "binary",
	"actionname":                         "name",
	"actionresumeretrycount":             "action.resumeretrycount",
	"actionresumeinterval":               "action.resumeinterval",
	"actionqueuetype":                    "queue.type",
	"actionqueuefilename":                "queue.filename",
	"actionqueuesize":                    "queue.size",
	"actionqueuedequeuebatchsize":        "queue.dequeuebatchsize",
	"actionqueuesaveonshutdown":          "queue.saveonshutdown",
	"actionqueueworkerthreads":           "queue.workerthreads",
	"actionqueuetimeoutshutdown":         "queue.timeoutshutdown",
	"actionqueuetimeoutenqueue":          "queue.timeoutenqueue",
	"actionqueuemaxdiskspace":            "queue.maxdiskspace",
	"actionqueueworkerthreadminumum":     "queue.workerthreadminimummessages",
	"actionqueuetimeoutactioncompletion": "queue.timeoutactioncompletion",
}

// directive reads a legacy directive, which ends with its line. It returns false if this is something else, such as a
// variable.
func (s *scanner) directive() bool {
	rest := s.text[s.at:]
	n := 1
	for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
		n++
	}
	if n == 1 || n < len(rest) && strings.IndexByte(" \t\r\n", rest[n]) < 0 {
		return false
	}
	name, at := strings.ToLower(rest[1:n]), s.place()
	value := s.restOfLine(n)
	s.owner = nil
	if s.current().off {
		return true
	}
	switch {
	case name == "includeconfig":
		s.include(at, value, false)
	case name == "modload":
		s.add(Object{Place: at, Kind: "module", Params: map[string]Value{"load": {Place: at, Text: value}}})
	case name == "template":
		s.template(at, value)
	case name == "resetconfigvariables":
		clear(s.legacy)
	case globals[name] != "":
		s.add(Object{Place: at, Kind: "global", Params: map[string]Value{globals[name]: {Place: at, Text: value}}})
	case actions[name] != "":
		s.legacy[actions[name]] = Value{Place: at, Text: value}
	}
	return true
}

// restOfLine passes the rest of the line, after n bytes, and returns it. A backslash at the end of a line continues it.
func (s *scanner) restOfLine(n int) string {
	start := s.at + n
	end := start
	for end < len(s.text) && s.text[end] != '\n' {
		if s.text[end] == '\\' && end+1 < len(s.text) && s.text[end+1] == '\n' {
			end++
		}
		end++
	}
	s.skip(end - s.at)
	return strings.TrimSpace(strings.ReplaceAll(s.text[start:end], "\\\n", ""))
}

// template reads what follows $template: NAME,"TEXT",options.
func (s *scanner) template(at Place, value string) {
	name, rest, _ := strings.Cut(value, ",")
	rest = strings.TrimSpace(rest)
	params := map[string]Value{"name": {Place: at, Text: strings.TrimSpace(name)}}
	switch {
	case strings.HasPrefix(rest, `"`):
		end := 1
		for end < len(rest) && rest[end] != '"' {
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		params["type"] = Value{Place: at, Text: "string"}
		params["string"] = Value{Place: at, Text: rest[1:min(end, len(rest))]}
		for _, option := range strings.Split(rest[min(end+1, len(rest)):], ",") {
			if option = strings.ToLower(strings.TrimSpace(option)); option != "" {
				params["option."+option] = Value{Place: at, Text: "on"}
			}
		}
	case strings.HasPrefix(rest, "="):
		params["type"] = Value{Place: at, Text: "plugin"}
	}
	s.add(Object{Place: at, Kind: "template", Params: params})
}

// legacyAction begins what is left of an action of omprog that legacy directives have described.
const legacyAction = ":omprog:"

// action reads such an action, *.* :omprog:;TEMPLATE. What stands before it does not matter.
func (s *scanner) action() {
	at := s.place()
	template, _ := strings.CutPrefix(s.restOfLine(len(legacyAction)), ";")
	params := map[string]Value{"type": {Place: at, Text: "omprog"}}
	for name, v := range s.legacy {
		params[name] = v
	}
	if template = strings.TrimSpace(template); template != "" {
		params["template"] = Value{Place: at, Text: template}
	}
	if in := s.current(); !in.off {
		s.add(Object{Place: at, Kind: "action", Params: params, Ruleset: in.ruleset})
	}
	binary, kept := s.legacy["binary"]
	clear(s.legacy)
	if kept {
		s.legacy["binary"] = binary // rsyslog keeps what is omprog's own
	}
}
