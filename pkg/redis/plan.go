package redis

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// plan divides a part of a batch into calls: one for each sender and key, in the order of their messages.
type plan struct {
	calls   []*call // some of them in use; the rest keep their memory for the next plan
	pending []*call // what is not settled, in order
	byName  map[callName]*call
}

type callName struct{ sender, topic string }

// call is the messages of one sender for one key, which one command stores.
type call struct {
	key      value // of the list, stream or channel
	memory   value // of what is stored of the sender
	numbered bool  // the numbers are the sender's, not ours
	entries  []int // indices of the messages
	seqs     []uint64

	tried  bool // it may have been stored: no answer came
	source bool // the script's text is to go along
	asking bool // the list was full: its length is asked for

	// What the arguments of the command point to.
	marks []marks
	spans []value
	data  []value
	text  []byte
	args  []any
}

// value is bytes that go-redis writes as they are. A pointer to it costs no allocation, as a []byte in an interface would.
type value []byte

// MarshalBinary implements encoding.BinaryMarshaler.
func (v *value) MarshalBinary() ([]byte, error) { return *v, nil }

// make plans the writer's batch.
func (p *plan) make(w *Writer) {
	p.release()
	perTopic := w.cfg.Target.Key.PerTopic()
	var last *call
	for i := range w.batch {
		m := &w.batch[i]
		topic := m.Topic
		if !perTopic {
			topic = nil
		}
		if i == 0 || w.cfg.Target.Kind == Channel || m.Sender != w.batch[i-1].Sender || perTopic && !bytes.Equal(topic, w.batch[i-1].Topic) {
			last = p.call(w, m.Sender, topic)
		}
		seq := m.Seq
		if !last.numbered {
			w.next++
			seq = w.next
		}
		last.entries = append(last.entries, i)
		last.seqs = append(last.seqs, seq)
	}
}

// call finds or begins the call of a sender and a topic. A publication is a call of its own.
func (p *plan) call(w *Writer, sender string, topic []byte) *call {
	if c := p.byName[callName{sender, string(topic)}]; c != nil && w.cfg.Target.Kind != Channel {
		return c
	}
	n := len(p.pending)
	if n == len(p.calls) {
		p.calls = append(p.calls, &call{})
	}
	c := p.calls[n]
	p.pending = append(p.pending, c)
	t := &w.cfg.Target
	c.key = t.Key.append(c.key[:0], topic)
	id := sender
	if c.numbered = sender != ""; !c.numbered {
		id = w.self
	}
	c.memory = t.Key.appendMemory(c.memory[:0], c.key, t.Mode == Cluster, id)
	if p.byName == nil {
		p.byName = make(map[callName]*call)
	}
	p.byName[callName{sender, string(topic)}] = c
	return c
}

// settle takes the calls off of which nothing is left.
func (p *plan) settle() {
	p.pending = slices.DeleteFunc(p.pending, func(c *call) bool { return len(c.entries) == 0 })
}

// Of calls beyond the first few, those with many messages do not keep their memory: which of hundreds are large changes all the time.
const largeCalls, largeCall = 16, 256

// release lets go of the messages.
func (p *plan) release() {
	for i, c := range p.calls {
		if i >= largeCalls && cap(c.args) > largeCall {
			*c = call{}
			continue
		}
		clear(c.args[:cap(c.args)])
		clear(c.data[:cap(c.data)])
		*c = call{key: c.key[:0], memory: c.memory[:0], entries: c.entries[:0], seqs: c.seqs[:0],
			marks: c.marks[:0], spans: c.spans[:0], data: c.data[:0], text: c.text[:0], args: c.args[:0]}
	}
	clear(p.byName)
	clear(p.pending)
	p.pending = p.pending[:0]
}

// drop forgets the messages whose numbers are in the bitmaps that the script returned, and tells of each.
func (c *call) drop(bitmaps []any, tell func(i int)) {
	kept := 0
	for j, seq := range c.seqs {
		at := slices.IndexFunc(c.marks, func(m marks) bool { return m.field == seq/numbersPerField })
		if at < len(bitmaps) {
			if bitmap, ok := bitmaps[at].(string); ok && stored(bitmap, seq) {
				tell(c.entries[j])
				continue
			}
		}
		c.entries[kept], c.seqs[kept] = c.entries[j], seq
		kept++
	}
	c.entries, c.seqs = c.entries[:kept], c.seqs[:kept]
}

// command returns the arguments of what is to be sent for a call. They are good until the next command, and borrow the messages.
func (c *call) command(w *Writer) []any {
	t := &w.cfg.Target
	c.args = c.args[:0]
	switch {
	case t.Kind == Channel:
		c.data = append(c.data[:0], w.texts[c.entries[0]])
		return append(c.args, "publish", &c.key, &c.data[0])
	case c.asking:
		return append(c.args, "llen", &c.key)
	case c.source:
		c.args = append(c.args, "eval", script)
	default:
		c.args = append(c.args, "evalsha", scriptSHA1)
	}
	c.args = append(c.args, 2, &c.memory, &c.key, w.cfg.Remember.Milliseconds())
	if t.Kind == Stream {
		c.args = append(c.args, "stream", t.MaxLen)
		c.appendMarks()
		c.appendFields(w)
	} else {
		c.args = append(c.args, "list", w.cfg.MaxList)
		c.appendMarks()
		c.appendElements(w)
	}
	return c.args
}

func (c *call) appendMarks() {
	c.marks = c.marks[:0]
	for _, seq := range c.seqs {
		c.marks = mark(c.marks, seq)
	}
	c.spans = slices.Grow(c.spans[:0], len(c.marks))
	c.args = append(c.args, len(c.marks))
	for i := range c.marks {
		m := &c.marks[i]
		c.spans = append(c.spans, m.span())
		c.args = append(c.args, &m.field, &m.first, &c.spans[i])
	}
}

// appendElements appends a list's elements.
func (c *call) appendElements(w *Writer) {
	c.data = slices.Grow(c.data[:0], len(c.entries))
	for _, i := range c.entries {
		c.appendData(w.texts[i])
	}
}

// appendFields appends the values of a stream's fields: topic, message, peer, sender, seq, received.
func (c *call) appendFields(w *Writer) {
	const longest = len("18446744073709551615") + len(message.ReceivedLayout)
	c.data = slices.Grow(c.data[:0], 4*len(c.entries))
	c.text = slices.Grow(c.text[:0], longest*len(c.entries))
	for _, i := range c.entries {
		m := &w.batch[i]
		c.appendData(m.Topic)
		c.appendData(w.texts[i])
		c.args = append(c.args, &m.Peer, &m.Sender)
		from := len(c.text)
		if m.Sender != "" {
			c.text = strconv.AppendUint(c.text, m.Seq, 10)
		}
		c.appendData(c.text[from:])
		from = len(c.text)
		if !m.Received.IsZero() {
			c.text = m.Received.UTC().AppendFormat(c.text, message.ReceivedLayout)
		}
		c.appendData(c.text[from:])
	}
}

// appendData appends an argument. data must have room for it, because what args points to must stay where it is.
func (c *call) appendData(text []byte) {
	c.data = append(c.data, text)
	c.args = append(c.args, &c.data[len(c.data)-1])
}
