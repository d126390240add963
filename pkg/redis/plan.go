package redis

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// plan divides a part of a batch into calls: one for each sender and key, in the order of their messages.
type plan struct {
	calls   []*call // the first are in use; the others keep their memory for the next plan
	pending []*call // the calls with messages that are not settled, in order
	byName  map[callName]*call
}

type callName struct {
	sender, topic string
	claim         message.Claim
}

// call holds the messages of one sender, with one claim, for one key, which one command stores.
type call struct {
	claim    message.Claim
	key      value    // of the list, stream or channel
	memory   value    // the key of the sender's memory
	numbered bool     // the numbers are the sender's, not ours
	entries  []int    // indices of the messages in the part
	seqs     []uint64 // and their numbers

	phase   phase
	alone   bool // not as a transaction, and not together with other calls
	inDoubt bool // an earlier attempt may have stored some of it: its answer was lost

	// What the arguments of the command point to.
	marks []marks
	spans []value
	data  []value
	text  []byte
	owner value
	args  []any

	pushes []any // of a transaction's RPUSH
}

// phase is what is sent next for a call.
type phase int

const (
	storing phase = iota // the script, by its hash
	loading              // the script with its text: Redis did not know the hash
	polling              // only a question for the list's length: it was full
)

// value is bytes that go-redis writes as they are. A pointer to it costs no allocation; a []byte in an interface would.
type value []byte

// MarshalBinary implements encoding.BinaryMarshaler.
func (v *value) MarshalBinary() ([]byte, error) { return *v, nil }

// make plans the part of a batch that the writer has in hand.
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
		if i == 0 || w.cfg.Target.Kind == Channel || m.Sender != w.batch[i-1].Sender || m.Claim != w.batch[i-1].Claim ||
			perTopic && !bytes.Equal(topic, w.batch[i-1].Topic) {
			last = p.call(w, m, topic)
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

// call finds or begins the call of a message's sender and a topic. Each message to a channel is a call of its own.
func (p *plan) call(w *Writer, m *message.Message, topic []byte) *call {
	name := callName{sender: m.Sender, topic: string(topic)}
	if m.Claim != nil {
		name.claim = *m.Claim
	}
	if c := p.byName[name]; c != nil && w.cfg.Target.Kind != Channel {
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
	id := m.Sender
	c.claim = name.claim
	if c.numbered = id != ""; !c.numbered {
		id = w.self
	}
	c.memory = t.Key.appendMemory(c.memory[:0], c.key, t.Mode == Cluster, id)
	if p.byName == nil {
		p.byName = make(map[callName]*call)
	}
	p.byName[name] = c
	return c
}

// settle removes the calls that are settled from pending.
func (p *plan) settle() {
	p.pending = slices.DeleteFunc(p.pending, func(c *call) bool { return len(c.entries) == 0 })
}

// Of the calls after the first largeCalls, those with more than largeCall arguments do not keep their memory: with
// hundreds of senders, which of them are large changes all the time.
const largeCalls, largeCall = 16, 256

// release drops all references to the messages.
func (p *plan) release() {
	for i, c := range p.calls {
		if i >= largeCalls && max(cap(c.args), cap(c.pushes)) > largeCall {
			*c = call{}
			continue
		}
		clear(c.args[:cap(c.args)])
		clear(c.data[:cap(c.data)])
		clear(c.pushes[:cap(c.pushes)])
		*c = call{key: c.key[:0], memory: c.memory[:0], entries: c.entries[:0], seqs: c.seqs[:0],
			marks: c.marks[:0], spans: c.spans[:0], data: c.data[:0], text: c.text[:0], owner: c.owner[:0],
			args: c.args[:0], pushes: c.pushes[:0]}
	}
	clear(p.byName)
	clear(p.pending)
	p.pending = p.pending[:0]
}

// drop removes the messages whose numbers are in the bitmaps that the script returned, and calls dropped for each.
func (c *call) drop(bitmaps []any, dropped func(i int)) {
	left := 0
	for j, seq := range c.seqs {
		at := slices.IndexFunc(c.marks, func(m marks) bool { return m.field == seq/numbersPerField })
		if at < len(bitmaps) {
			if bitmap, ok := bitmaps[at].(string); ok && stored(bitmap, seq) {
				dropped(c.entries[j])
				continue
			}
		}
		c.entries[left], c.seqs[left] = c.entries[j], seq
		left++
	}
	c.entries, c.seqs = c.entries[:left], c.seqs[:left]
}

// command returns the arguments of the command to send for a call. They are valid until the next call of command and
// borrow the messages.
func (c *call) command(w *Writer) []any {
	t := &w.cfg.Target
	switch {
	case t.Kind == Channel:
		c.data = append(c.data[:0], w.texts[c.entries[0]])
		return append(c.args[:0], "publish", &c.key, &c.data[0])
	case c.phase == polling:
		return append(c.args[:0], "llen", &c.key)
	}
	how, text := "evalsha", one.sha1
	if c.phase == loading {
		how, text = "eval", one.text
	}
	c.args = c.appendValues(c.script(w, w.kind(), how, text), w)
	return c.args
}

// kind and limit are arguments of the scripts.
func (w *Writer) kind() string {
	if w.cfg.Target.Kind == Stream {
		return "stream"
	}
	return "list"
}

func (w *Writer) limit() int64 {
	if w.cfg.Target.Kind == Stream {
		return w.cfg.Target.MaxLen
	}
	return w.cfg.MaxList
}

// script returns the arguments of the script for one sender, without the data.
func (c *call) script(w *Writer, kind, how, text string) []any {
	c.mark()
	args := append(c.args[:0], how, text, 2, &c.memory, &c.key, w.cfg.Remember.Milliseconds(), kind, w.limit(),
		&c.claim.Key, &c.claim.Name, &c.claim.Instance, &c.claim.First, len(c.marks))
	for i := range c.marks {
		args = append(args, &c.marks[i].field, &c.marks[i].first, &c.spans[i])
	}
	return args
}

// mark marks the numbers of the messages.
func (c *call) mark() {
	c.marks = c.marks[:0]
	for _, seq := range c.seqs {
		c.marks = mark(c.marks, seq)
	}
	c.spans = slices.Grow(c.spans[:0], len(c.marks))
	for i := range c.marks {
		c.spans = append(c.spans, c.marks[i].span())
	}
}

// appendValues appends what is stored: the elements of a list, or the values of the fields of a stream.
func (c *call) appendValues(args []any, w *Writer) []any {
	if w.cfg.Target.Kind == Stream {
		return c.appendFields(args, w)
	}
	return c.appendElements(args, w)
}

// appendElements appends the elements of a list.
func (c *call) appendElements(args []any, w *Writer) []any {
	c.data = slices.Grow(c.data[:0], len(c.entries))
	for _, i := range c.entries {
		args = append(args, c.value(w.texts[i]))
	}
	return args
}

// appendFields appends the values of the fields of a stream: topic, message, peer, sender, seq, received, user.
func (c *call) appendFields(args []any, w *Writer) []any {
	const longest = len("18446744073709551615") + len(message.ReceivedLayout)
	c.data = slices.Grow(c.data[:0], 4*len(c.entries))
	c.text = slices.Grow(c.text[:0], longest*len(c.entries))
	for _, i := range c.entries {
		m := &w.batch[i]
		args = append(args, c.value(m.Topic), c.value(w.texts[i]), &m.Peer, &m.Sender)
		from := len(c.text)
		if m.Sender != "" {
			c.text = strconv.AppendUint(c.text, m.Seq, 10)
		}
		args = append(args, c.value(c.text[from:]))
		from = len(c.text)
		if !m.Received.IsZero() {
			c.text = m.Received.UTC().AppendFormat(c.text, message.ReceivedLayout)
		}
		args = append(args, c.value(c.text[from:]), &m.User)
	}
	return args
}

// value makes an argument. data must have room for it, because the argument points into it.
func (c *call) value(text []byte) *value {
	c.data = append(c.data, text)
	return &c.data[len(c.data)-1]
}
