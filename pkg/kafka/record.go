package kafka

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

const (
	maxField = 1000 // bytes of a key, or of a header's value: a topic frame may be as long as a message

	// newest is how long after the message came a line's time may be: that of a host whose clock is wrong is not taken.
	// Kafka 4 refuses more than an hour by default (message.timestamp.after.max.ms).
	newest = 10 * time.Minute

	recordOverhead = 128                             // bytes of a batch with one record, without key, headers and text
	headerOverhead = 16                              // bytes of a header, without its value
	maxHeaders     = 7 * (headerOverhead + maxField) // bytes of the key and all headers
)

// part is the memory for the records of a part of a batch, which is used again.
type part struct {
	records []kgo.Record
	indices []index
	headers []kgo.RecordHeader
	text    []byte

	topics map[string]bool // of the records

	// What the last message had, and its bytes: mostly the next one's, too.
	lastTopic                                 []byte
	lastName                                  string
	lastPeer, lastUser, lastSender            string
	lastPeerBytes, lastUserBytes, lastIDBytes []byte
	lastReceived                              time.Time
	lastReceivedBytes                         []byte
}

// index is a context that says which message of the part a record is. A promise gets nothing but the record. It never
// ends, and its methods read nothing: the client may ask it after the record is answered, and its memory used again.
type index struct {
	i      int
	inside bool // see producer.isInside
}

// Deadline, Done, Err and Value are those of context.Background.
func (*index) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }
func (*index) Done() <-chan struct{}                   { return nil }
func (*index) Err() error                              { return nil }
func (*index) Value(any) any                           { return nil }

// make fills the part with the records of messages. texts[i] is the value of batch[i].
func (p *part) make(target *Target, topics *topics, batch []message.Message, texts [][]byte) {
	p.release()
	for i := range batch {
		p.indices = append(p.indices, index{i: i})
	}
	for i := range batch {
		m := &batch[i]
		name := p.name(target, m)
		wanted, received := target.Key.fields(), topics.usesReceived(name)
		if !received {
			wanted |= syslog.Time
		}
		line := syslog.ParseOnly(m.Payload, m.Received, wanted)
		p.records = append(p.records, kgo.Record{
			Topic:     name,
			Key:       key(target.Key, m, &line),
			Value:     texts[i],
			Headers:   p.appendHeaders(m),
			Timestamp: recordTime(m, line.Time, topics.oldest(name)),
			Context:   &p.indices[i],
		})
	}
}

// name returns the Kafka topic of a message.
func (p *part) name(target *Target, m *message.Message) string {
	if p.lastName == "" || target.Topic.PerTopic() && string(p.lastTopic) != string(m.Topic) {
		p.lastTopic, p.lastName = m.Topic, target.Topic.of(m.Topic)
	}
	p.topics[p.lastName] = true
	return p.lastName
}

func key(kind Key, m *message.Message, line *syslog.Header) []byte {
	var key []byte
	switch kind {
	case SenderKey:
		if key = []byte(m.Sender); len(key) == 0 {
			key = []byte(m.Peer)
		}
	case TopicKey:
		key = m.Topic
	case HostKey:
		key = line.Host
	case ProgramKey:
		key = line.Program
	}
	if len(key) == 0 {
		return nil
	}
	return key[:min(len(key), maxField)]
}

// recordTime returns the time of a record: the line's, unless it has none or is older than oldest, or the message's.
func recordTime(m *message.Message, line time.Time, oldest time.Duration) time.Time {
	received := m.Received
	if received.IsZero() {
		received = time.Now()
	}
	if line.IsZero() || line.Before(received.Add(-oldest)) || line.After(received.Add(newest)) {
		return received
	}
	return line
}

// appendHeaders makes the headers of a message. What it does not have, has no header.
func (p *part) appendHeaders(m *message.Message) []kgo.RecordHeader {
	from := len(p.headers)
	add := func(name string, value []byte) {
		p.headers = append(p.headers, kgo.RecordHeader{Key: name, Value: value[:min(len(value), maxField)]})
	}
	if m.HasTopic {
		add("topic", m.Topic)
	}
	if m.Peer != "" {
		if m.Peer != p.lastPeer {
			p.lastPeer, p.lastPeerBytes = m.Peer, []byte(m.Peer)
		}
		add("peer", p.lastPeerBytes)
	}
	if m.User != "" {
		if m.User != p.lastUser {
			p.lastUser, p.lastUserBytes = m.User, []byte(m.User)
		}
		add("user", p.lastUserBytes)
	}
	if m.Sender != "" {
		if m.Sender != p.lastSender {
			p.lastSender, p.lastIDBytes = m.Sender, []byte(m.Sender)
		}
		add("sender", p.lastIDBytes)
		start := len(p.text)
		p.text = strconv.AppendUint(p.text, m.Seq, 10)
		add("seq", p.text[start:])
	}
	if !m.Received.IsZero() {
		if m.Received != p.lastReceived {
			p.lastReceived = m.Received
			p.lastReceivedBytes = m.Received.UTC().AppendFormat(nil, message.ReceivedLayout)
		}
		add("received", p.lastReceivedBytes)
	}
	return p.headers[from:len(p.headers):len(p.headers)]
}

// room returns how many bytes of text a record may have where a batch may have limit.
func room(r *kgo.Record, limit int) int {
	taken := recordOverhead + len(r.Key)
	for _, h := range r.Headers {
		taken += headerOverhead + len(h.Value)
	}
	return limit - taken
}

// release drops all references to the messages.
func (p *part) release() {
	clear(p.records)
	clear(p.headers)
	p.records, p.indices, p.headers, p.text = p.records[:0], p.indices[:0], p.headers[:0], p.text[:0]
	p.lastTopic, p.lastName = nil, ""
	if p.topics == nil {
		p.topics = make(map[string]bool)
	}
	clear(p.topics)
}
