package redis

import (
	"context"
	"fmt"
	"slices"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// round sends every pending call once and settles what it can. It returns why the calls that are left must wait; nil
// when they need not.
func (w *Writer) round(ctx context.Context) (trouble *fault) {
	shares, trouble := w.share(ctx)
	if len(shares) > 1 {
		var all sync.WaitGroup
		for _, s := range shares {
			all.Go(func() { s.exec(ctx, w) })
		}
		all.Wait()
	} else if len(shares) == 1 {
		shares[0].exec(ctx, w)
	}
	for _, s := range shares {
		missing := s.missing(w)
		for i := range s.exchanges {
			trouble = worse(trouble, w.take(ctx, s, &s.exchanges[i], missing))
		}
		w.check(ctx, s)
	}
	w.plan.settle()
	return trouble
}

// take acts on an answer.
func (w *Writer) take(ctx context.Context, s *share, e *exchange, missing *fault) (f *fault) {
	switch {
	case e.transaction != nil && !e.transaction.answer():
		e.calls[0].alone = true // and sent again at once
		delete(w.asked, s.node)
	case len(e.calls) > 1:
		f = w.concludeTogether(e, missing)
	default:
		f = w.conclude(e.calls[0], e.command, missing)
	}
	if f != nil && f.moved {
		w.client.lookAgain(ctx)
	}
	return f
}

// worse returns the fault to wait for. A full list gives way to any other fault, which is waited for longer. A text
// that is too long is the cause of the end of its connection, which follows.
func worse(a, b *fault) *fault {
	if b == nil || a != nil && (b.code == codeFull || a.tooLong) {
		return a
	}
	return b
}

// share holds what goes to one server.
type share struct {
	node      *goredis.Client
	exchanges []exchange
	joined    map[string]int // by key: the exchange of calls that are sent together
	replicas  *goredis.Cmd   // WAIT; nil: not sent
}

// exchange is one command or transaction and its answer, for one call or for several that are sent together.
type exchange struct {
	calls       []*call
	transaction *transaction // nil: a command
	command     *goredis.Cmd // whose answer is the calls'
	text        bool         // several calls: the script was sent with its text
}

// share divides the pending calls among the servers.
func (w *Writer) share(ctx context.Context) (shares []*share, trouble *fault) {
	for _, c := range w.plan.pending {
		node, err := w.client.node(ctx, string(c.key))
		if err != nil {
			f := newFault(err, &w.cfg.Target)
			w.client.lookAgain(ctx)
			if f.verdict == refuse {
				f = w.refuse(c, f)
			}
			trouble = worse(trouble, f)
			continue
		}
		i := slices.IndexFunc(shares, func(s *share) bool { return s.node == node })
		if i < 0 {
			i = len(shares)
			shares = append(shares, &share{node: node})
		}
		shares[i].add(ctx, c, w)
	}
	return shares, trouble
}

// add adds a call.
func (s *share) add(ctx context.Context, c *call, w *Writer) {
	if c.transacts(w) && w.allowed(ctx, s.node, c) {
		s.exchanges = append(s.exchanges, exchange{calls: []*call{c}, transaction: &transaction{}})
		return
	}
	if c.joins(w) {
		if i, found := s.joined[string(c.key)]; found {
			s.exchanges[i].calls = append(s.exchanges[i].calls, c)
			return
		}
		if s.joined == nil {
			s.joined = make(map[string]int)
		}
		s.joined[string(c.key)] = len(s.exchanges)
	}
	s.exchanges = append(s.exchanges, exchange{calls: []*call{c}})
}

// exec does one round trip.
func (s *share) exec(ctx context.Context, w *Writer) {
	pipe := s.node.Pipeline()
	for i := range s.exchanges {
		e := &s.exchanges[i]
		switch {
		case e.transaction != nil:
			e.transaction.send(ctx, e.calls[0], w, pipe)
			e.command = e.transaction.eval()
			continue
		case len(e.calls) > 1:
			e.command = goredis.NewCmd(ctx, e.commandTogether(w)...)
		default:
			e.command = goredis.NewCmd(ctx, e.calls[0].command(w)...)
		}
		pipe.Process(ctx, e.command)
	}
	if w.cfg.Replicas > 0 && w.cfg.Target.Kind != Channel {
		// WAIT concerns only what was written on its own connection.
		s.replicas = goredis.NewCmd(ctx, "wait", w.cfg.Replicas, w.cfg.replicaTimeout.Milliseconds())
		pipe.Process(ctx, s.replicas)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		s.blame(err)
	}
}

// blame gives the error of a round trip to the commands that have neither an answer nor an error of their own. go-redis
// leaves them like that when it could not even open the session.
func (s *share) blame(err error) {
	all := []*goredis.Cmd{s.replicas}
	for i := range s.exchanges {
		all = append(all, s.exchanges[i].command)
		if t := s.exchanges[i].transaction; t != nil {
			all = append(all, t.commands...)
		}
	}
	for _, command := range all {
		if command != nil && command.Err() == nil && command.Val() == nil {
			command.SetErr(err)
		}
	}
}

// missing returns the fault of a round trip that too few replicas have confirmed; nil when there are enough.
func (s *share) missing(w *Writer) *fault {
	if s.replicas == nil {
		return nil
	}
	n, err := s.replicas.Int64()
	if err != nil {
		f := *newFault(err, &w.cfg.Target)
		f.verdict, f.unknown = wait, true // what waits for replicas is stored and cannot be refused
		return &f
	}
	if n < int64(w.cfg.Replicas) {
		return &fault{code: codeReplicas, unknown: true, moved: true,
			means: fmt.Sprintf("%d replicas have what was stored, and --redis-replicas wants %d", n, w.cfg.Replicas)}
	}
	return nil
}

// conclude acts on the answer to a call. It returns why the call must wait before it is sent again; nil when it is over
// or may be sent again at once.
func (w *Writer) conclude(c *call, command *goredis.Cmd, missing *fault) *fault {
	value, err := command.Result()
	if err != nil {
		return w.failed(c, newFault(err, &w.cfg.Target))
	}
	number, isNumber := value.(int64)
	bitmaps, isRepeat := value.([]any)
	switch {
	case !isNumber && !isRepeat:
		c.inDoubt = true
		return strange(fmt.Sprintf("%T", value))
	case c.phase == polling:
		return w.polled(c, number)
	case number < 0 && w.cfg.MaxList > 0:
		c.phase = polling
		return full
	case number < 0:
		c.inDoubt = true
		return strange("full")
	case missing != nil:
		c.inDoubt = true
		return missing
	}
	w.backoff.Reset()
	w.reporter.stored(c.key)
	c.phase = storing
	if isRepeat {
		return w.repeated(c, bitmaps)
	}
	w.settle(c, nil)
	return nil
}

// failed acts on an error in place of an answer.
func (w *Writer) failed(c *call, f *fault) *fault {
	if why := f.claim(); why != nil && c.numbered {
		w.settle(c, why)
		return nil
	}
	c.inDoubt = c.inDoubt || f.unknown
	switch {
	case f.verdict == refuse:
		return w.refuse(c, f)
	case f.verdict == load && c.phase == storing:
		c.phase = loading
		return nil
	}
	return f
}

// polled acts on the length of a list that was full.
func (w *Writer) polled(c *call, length int64) *fault {
	if length >= w.cfg.MaxList {
		return full
	}
	c.phase = storing
	return nil
}

// repeated settles the messages that Redis had already; the others of the call are sent again without them.
func (w *Writer) repeated(c *call, bitmaps []any) *fault {
	fate := ErrRepeat
	if c.inDoubt {
		fate = nil // stored by an attempt of ours whose answer was lost
	}
	before := len(c.entries)
	c.drop(bitmaps, func(i int) { w.settled(i, fate) })
	if len(c.entries) == before {
		return strange("bitmaps without any of the numbers")
	}
	return nil
}

func strange(what string) *fault {
	means := "its answer is not one of the script's (" + what + "): is there a proxy in between?"
	return &fault{code: codeStrange, unknown: true, means: means}
}

var full = &fault{code: codeFull, means: "the list holds --max-list messages or more: the workers are too slow"}

// settle reports one fate for all messages of a call.
func (w *Writer) settle(c *call, refusal error) {
	for _, i := range c.entries {
		w.settled(i, refusal)
	}
	c.entries = c.entries[:0]
}

// refuse refuses the messages of a call. Messages without a sender have nobody to answer: they wait, unless only their
// topic's key is at fault. The fault to wait for is returned.
func (w *Writer) refuse(c *call, f *fault) *fault {
	if f.keyed {
		f.key = string(c.key)
	}
	if !c.numbered && !(f.keyed && w.cfg.Target.Key.PerTopic()) {
		waiting := *f
		waiting.verdict = wait
		return &waiting
	}
	w.reporter.refused(f)
	w.settle(c, f)
	return nil
}
