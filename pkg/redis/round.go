package redis

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// round sends every pending call once and settles what it can. It returns why calls that are left must wait, nil when they need not.
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
		for i, c := range s.calls {
			f := w.conclude(c, s.commands[i], missing)
			if f != nil && f.moved {
				w.client.lookAgain(ctx)
			}
			trouble = worse(trouble, f)
		}
		w.check(ctx, s)
	}
	w.plan.settle()
	return trouble
}

// worse is the fault to wait for: a full list is looked at more often than others.
func worse(a, b *fault) *fault {
	if b == nil || a != nil && b.code == codeFull {
		return a
	}
	return b
}

// share is the calls that go to one server.
type share struct {
	node     *goredis.Client
	calls    []*call
	commands []*goredis.Cmd
	replicas *goredis.Cmd // WAIT; nil: not asked
}

// share divides the pending calls among the servers.
func (w *Writer) share(ctx context.Context) (shares []*share, trouble *fault) {
next:
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
		for _, s := range shares {
			if s.node == node {
				s.calls = append(s.calls, c)
				continue next
			}
		}
		shares = append(shares, &share{node: node, calls: []*call{c}})
	}
	return shares, trouble
}

// exec does one round trip.
func (s *share) exec(ctx context.Context, w *Writer) {
	pipe := s.node.Pipeline()
	for _, c := range s.calls {
		command := goredis.NewCmd(ctx, c.command(w)...)
		s.commands = append(s.commands, command)
		pipe.Process(ctx, command)
	}
	if w.cfg.Replicas > 0 && w.cfg.Target.Kind != Channel {
		// On the connection of what it waits for, or it says nothing.
		s.replicas = goredis.NewCmd(ctx, "wait", w.cfg.Replicas, replicaTimeout.Milliseconds())
		pipe.Process(ctx, s.replicas)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		s.blame(err)
	}
}

// blame gives the error of a round trip to the commands that have neither an answer nor an error of their own: go-redis leaves them so when it
// could not even greet the server.
func (s *share) blame(err error) {
	for _, command := range append(s.commands, s.replicas) {
		if command != nil && command.Err() == nil && command.Val() == nil {
			command.SetErr(err)
		}
	}
}

// missing is the fault of a round trip whose messages fewer replicas have than asked for.
func (s *share) missing(w *Writer) *fault {
	if s.replicas == nil {
		return nil
	}
	n, err := s.replicas.Int64()
	if err != nil {
		f := *newFault(err, &w.cfg.Target)
		f.verdict, f.unknown = wait, true // what waits for replicas is stored, so that it cannot be refused
		return &f
	}
	if n < int64(w.cfg.Replicas) {
		return &fault{code: codeReplicas, unknown: true, moved: true,
			means: strconv.FormatInt(n, 10) + " replicas have what was stored, " + strconv.Itoa(w.cfg.Replicas) + " are to have it (--redis-replicas)"}
	}
	return nil
}

// conclude draws the conclusions from an answer. It returns why the call must be sent again, nil when it is over or needs no pause.
func (w *Writer) conclude(c *call, command *goredis.Cmd, missing *fault) *fault {
	value, err := command.Result()
	if err != nil {
		f := newFault(err, &w.cfg.Target)
		c.tried = c.tried || f.unknown
		switch f.verdict {
		case refuse:
			return w.refuse(c, f)
		case load:
			if !c.source {
				c.source = true
				return nil
			}
		}
		return f
	}
	length, isLength := value.(int64)
	bitmaps, isRepeat := value.([]any)
	switch {
	case !isLength && !isRepeat:
		c.tried = true
		return strange(fmt.Sprintf("%T", value))
	case c.asking && length >= w.cfg.MaxList, length < 0 && w.cfg.MaxList > 0:
		c.asking = true
		return full
	case length < 0:
		c.tried = true
		return strange("full")
	case c.asking:
		c.asking = false
		return nil
	case missing != nil:
		c.tried = true
		return missing
	}
	w.backoff.Reset()
	w.reporter.stored(c.key)
	c.source = false
	if isLength {
		w.settle(c, nil)
		return nil
	}
	before := len(c.entries)
	c.drop(bitmaps, func(i int) {
		if c.tried {
			w.settled(i, nil) // an attempt of ours whose answer was lost
		} else {
			w.settled(i, ErrRepeat)
		}
	})
	if len(c.entries) == before {
		return strange("bitmaps without any of the numbers")
	}
	return nil
}

func strange(what string) *fault {
	return &fault{code: codeStrange, unknown: true, means: "its answer is not one of the script's (" + what + "): what stands between?"}
}

var full = &fault{code: codeFull, means: "the list holds --max-list messages or more: the workers lag behind"}

// settle tells of all messages of a call.
func (w *Writer) settle(c *call, refusal error) {
	for _, i := range c.entries {
		w.settled(i, refusal)
	}
	c.entries = c.entries[:0]
}

// refuse tells the senders why their messages are not taken. Nobody is to be told of messages without a sender: they wait, unless only the key
// of their topic is concerned.
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
