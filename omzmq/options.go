package main

import (
	"io"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

const (
	newIDFlag        = "new-sender-id"
	relpAnywhereFlag = "relp-anywhere"
)

// options is what the command line says.
type options struct {
	flags.Common
	socket      string
	confirm     string
	sendTimeout time.Duration
	topic       string
	delimiter   string
	inline      bool
	journal     string
	newID       bool
	relp        string
	anywhere    bool
	beginMark   string
	commitMark  string

	socketType   zmq.Type
	confirmLevel delivery.Confirm
	topics       message.Topics
	instance     string      // see delivery.NewInstance
	splits       func() bool // see journal.Successor; set once there is a log
}

func parseOptions(args []string, stdout io.Writer) (*options, error) {
	o := &options{instance: delivery.NewInstance()}
	fs := flags.NewSet(about(), &o.Common)
	fs.StringVar(&o.socket, "socket", "dealer", "dealer, push or pub")
	flags.Values(fs, "socket", "dealer", "push", "pub")
	fs.StringVar(&o.confirm, "confirm", "", "what rsyslog's OK means: stored (dealer only, its default), "+
		"received (push's default) or sent (pub's default)")
	flags.Values(fs, "confirm", "stored", "received", "sent")
	flags.Duration(fs, &o.sendTimeout, "send-timeout", 30*time.Second, time.Millisecond, flags.MaxDuration,
		"longest time that a commit waits for its confirmation before it fails")
	fs.StringVar(&o.topic, "topic", "", "a constant first frame")
	fs.StringVar(&o.delimiter, "topic-delimiter", "",
		"the first frame is each line's text before this `byte` (\\t is understood), the rest is the payload")
	fs.BoolVar(&o.inline, "topic-inline", false, "send topic and payload in one frame, not two")
	fs.StringVar(&o.journal, "journal", "",
		"`folder` for accepted but unconfirmed messages, so that a killed omzmq loses none; "+
			"any number of processes with the same destination may share it")
	fs.BoolVar(&o.newID, newIDFlag, false,
		"give what is in --journal a new sender id and end: for one of two machines of which one was cloned from the other; "+
			"stop its rsyslogd first")
	fs.StringVar(&o.relp, "relp", "",
		"take messages from rsyslog's omrelp at this `address`, host:port, instead of standard input; "+
			"each is answered when it is confirmed")
	fs.BoolVar(&o.anywhere, relpAnywhereFlag, false,
		"let --relp listen at an address that other hosts can reach: in clear, and for everybody")
	fs.StringVar(&o.beginMark, "begin-mark", omprog.DefaultBeginMark, "omprog's beginTransactionMark")
	fs.StringVar(&o.commitMark, "commit-mark", omprog.DefaultCommitMark, "omprog's commitTransactionMark")
	if err := o.Parse(fs, version, args, stdout); err != nil {
		return nil, err
	}
	if err := o.resolveSocket(); err != nil {
		return nil, err
	}
	if err := o.resolveTopics(fs.Changed("topic-delimiter")); err != nil {
		return nil, err
	}
	return o, o.validate()
}

// about returns what --help says besides the flags.
func about() flags.Program {
	return flags.Program{
		Name:     program,
		Commands: []flags.Command{{Name: "status", Arguments: " [ADDRESS]...", Purpose: "show how the running ones are"}},
		Plugin:   true,
		Offline:  newIDFlag,
		Summary:  "Moves log messages from rsyslog, through omprog or omrelp, into ZeroMQ.",
		Examples: []flags.Example{
			{Purpose: "Send, confirmed by the receiver; a killed omzmq loses nothing",
				Command: "omzmq --connect tcp://logs.example.com:5555 --journal /var/spool/rsyslog/omzmq"},
			{Purpose: "Send to every pod behind a name, confirmed by the peer's kernel",
				Command: "omzmq --socket push --connect dns+tcp://imzmq.logging.svc:5555"},
			{Purpose: "Take messages from rsyslog's omrelp instead, at full speed",
				Command: "omzmq --relp 127.0.0.1:2515 --connect tcp://logs.example.com:5555"},
			{Purpose: "Publish; the topic is the line's text before the first tab",
				Command: `omzmq --socket pub --bind tcp://127.0.0.1:5556 --topic-delimiter '\t'`},
		},
	}
}

// resolveSocket finds socket type and level of confirmation.
func (o *options) resolveSocket() error {
	levels := map[string]delivery.Confirm{"stored": delivery.Stored, "received": delivery.Received, "sent": delivery.Sent}
	switch o.socket {
	case "dealer":
		o.socketType, o.confirmLevel = zmq.Dealer, delivery.Stored
	case "push":
		o.socketType, o.confirmLevel = zmq.Push, delivery.Received
	case "pub":
		o.socketType, o.confirmLevel = zmq.Pub, delivery.Sent
	default:
		return flags.Usage("--socket %q: write dealer, push or pub", o.socket)
	}
	if o.confirm == "" {
		return nil
	}
	level, known := levels[o.confirm]
	if !known {
		return flags.Usage("--confirm %q: write stored, received or sent", o.confirm)
	}
	if level < o.confirmLevel {
		return flags.Usage("--confirm %s is more than a %s socket can know: only a dealer hears that a message was stored, "+
			"and a publisher never waits", o.confirm, o.socket)
	}
	o.confirmLevel = level
	return nil
}

func (o *options) resolveTopics(byDelimiter bool) error {
	switch {
	case byDelimiter && o.topic != "":
		return flags.Usage("--topic and --topic-delimiter exclude each other")
	case o.inline && !byDelimiter && o.topic == "":
		return flags.Usage("--topic-inline needs --topic or --topic-delimiter")
	}
	o.topics = message.Topics{Name: []byte(o.topic), ByDelimiter: byDelimiter, Inline: o.inline}
	if byDelimiter {
		c, err := message.ParseDelimiter(o.delimiter)
		if err != nil {
			return flags.Usage("--topic-delimiter: %w", err)
		}
		o.topics.Delimiter = c
	}
	return nil
}

func (o *options) validate() error {
	switch {
	case o.journal != "" && o.socketType == zmq.Pub:
		return flags.Usage("--journal: a pub socket owes nothing, so there is nothing to keep")
	case o.newID && o.journal == "":
		return flags.Usage("--%s needs --journal DIR: without it, every omzmq has a sender id of its own", newIDFlag)
	case o.beginMark == "" || o.commitMark == "" || o.beginMark == o.commitMark:
		return flags.Usage("--begin-mark and --commit-mark: two different texts are needed, as in omprog's configuration")
	case o.relp == "" && o.anywhere:
		return flags.Usage("--%s needs --relp", relpAnywhereFlag)
	case o.maxLine() < 1:
		return flags.Usage("--max-message-size %d leaves no room for a payload after number and topic", o.MaxMessage)
	}
	if o.relp != "" {
		return checkRELPAddress(o.relp, o.anywhere)
	}
	return nil
}

// maxLine is the longest line that fits into --max-message-size with what goes before it.
func (o *options) maxLine() int {
	n := int(o.MaxMessage) - len(o.topics.Name)
	if o.confirmLevel == delivery.Stored {
		n -= delivery.SeqSize
	}
	return n
}
