package simulation

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// rsyslog is an rsyslogd with an action of useTransactions="on", a disk queue and some queue workers.
type rsyslog struct {
	w        *world
	host     *host
	queue    []string // not dequeued yet
	workers  []*worker
	life     int
	stopping bool  // told to stop: what fails is not tried again
	shared   *pipe // forceSingleInstance
	release  release
	sent     map[string]int // what has to be stored
	perhaps  map[string]int // what may be stored or not: rsyslog has forgotten it, and nobody heard an answer to it
	last     bool           // a message came again after new ones of its batch, of which not all had come when it failed
	repeats  bool           // what was accepted is sent again by another rsyslogd, to which it is new
}

// release is what differs between releases of rsyslog.
type release struct {
	splits  bool // since 8.2508: two failures in a row at one message, and the whole batch is sent one by one
	returns bool // since 8.2606: a batch that fails at the stop goes back to the queue
}

// worker is a queue worker: plugins/omprog and action.c of rsyslog 8.2302, with the same names.
type worker struct {
	r     *rsyslog
	p     *proc
	pipe  *pipe
	id    int
	state int
	batch []text
	taken bool // BEGIN was answered with OK for this batch: from now on it counts as delivered
}

// text is a message that was dequeued and not deleted from the queue.
type text struct {
	string
	tried bool // it was written to omzmq
	heard bool // omzmq has accepted it, and rsyslog knows
}

const (
	rdy  = iota // ready
	itx         // in a transaction
	rtry        // to be resumed
)

// start starts the workers.
func (r *rsyslog) start(workers int, single bool) {
	r.life++
	r.workers, r.shared, r.stopping = nil, nil, false
	if single {
		r.shared = &pipe{w: r.w, host: r.host, impatient: r.host.slow}
	}
	for n := range workers {
		k := &worker{r: r, id: r.life*10 + n, pipe: r.shared}
		if !single {
			k.pipe = &pipe{w: r.w, host: r.host, impatient: r.host.slow}
		}
		r.workers = append(r.workers, k)
		k.p = r.w.spawn(func(p *proc) {
			p.sleep(r.w.between(0, time.Second))
			k.p = p
			k.work()
		})
	}
}

// kill ends rsyslogd. What it had dequeued is still in its disk queue. The pipes to its children are closed.
func (r *rsyslog) kill() {
	r.w.log("rsyslogd is killed")
	for _, k := range r.workers {
		k.p.stop()
		r.back(k.batch, true)
		k.pipe.hangUp()
	}
	r.workers = nil
}

// back puts a batch back into the queue, whose next worker may be another rsyslogd's.
func (r *rsyslog) back(batch []text, front bool) {
	var left []string
	for _, t := range batch {
		left = append(left, t.string)
		r.repeats = r.repeats || t.tried
	}
	if front {
		r.queue = append(left, r.queue...)
	} else {
		r.queue = append(r.queue, left...)
	}
}

// stop tells rsyslogd to end. For queue.timeoutActionCompletion it still takes an OK, and retries nothing. Then it
// gives up the batch and closes the pipes. It calls ended when all of that is done.
func (r *rsyslog) stop(ended func()) {
	r.w.log("rsyslogd is told to stop")
	r.stopping = true
	r.w.after(r.w.between(0, time.Second), func() {
		for _, k := range r.workers {
			k.p.stop()
			k.giveUp(false)
			k.pipe.hangUp()
		}
		r.workers = nil
		ended()
	})
}

// giveUp ends what a worker does with its batch. failed: it was told of a failure, or its omzmq has died.
func (k *worker) giveUp(failed bool) {
	r, batch := k.r, k.batch
	k.batch = nil
	if !k.taken || failed && r.release.returns {
		r.back(batch, false)
		return
	}
	for _, t := range batch {
		r.w.log("rsyslog forgets %q", t.string)
		if !t.heard {
			r.sent[t.string]--
			if t.tried {
				r.perhaps[t.string]++
			}
		}
	}
}

// failed is called after each failure. It does not return if rsyslogd is being stopped.
func (k *worker) failed() {
	if k.r.stopping {
		k.giveUp(true)
		k.p.wait(func(func()) {}) // for stop
	}
}

// send queues a message.
func (r *rsyslog) send(text string) {
	r.sent[text]++
	r.queue = append(r.queue, text)
}

func (r *rsyslog) idle() bool {
	return len(r.queue) == 0 && !slices.ContainsFunc(r.workers, func(k *worker) bool { return len(k.batch) > 0 }) && len(r.workers) > 0
}

// alive reports whether a worker lives, which will start another omzmq.
func (r *rsyslog) alive(id int) bool {
	return slices.ContainsFunc(r.workers, func(k *worker) bool { return k.id == id })
}

// work dequeues batches forever: processBatchMain.
func (k *worker) work() {
	for {
		if len(k.r.queue) == 0 || k.r.stopping {
			k.p.sleep(100 * time.Millisecond)
			continue
		}
		n := min(1+k.r.w.random.IntN(12), len(k.r.queue))
		if k.r.w.chance(3) {
			n = 1
		}
		k.batch, k.taken = nil, false
		for _, message := range k.r.queue[:n] {
			k.batch = append(k.batch, text{string: message})
		}
		k.r.queue = slices.Clone(k.r.queue[n:])
		for _, text := range k.batch {
			if !k.prepare() {
				// rsyslog 8.2302 sends this message with the batch and puts it back into the queue, too.
				k.r.w.log("rsyslog will send %q once more: BEGIN failed", text.string)
				k.r.send(text.string)
			}
		}
		all := make([]*text, n)
		for i := range all {
			all[i] = &k.batch[i]
		}
		k.commit(all)
		k.batch = nil
		if k.r.w.chance(3) {
			k.p.sleep(k.r.w.between(0, 3*time.Second))
		}
	}
}

// commit is actionCommit.
func (k *worker) commit(batch []*text) {
	if k.tryCommit(batch) {
		return
	}
	again, fresh := batch, slices.ContainsFunc(batch, func(t *text) bool { return !t.heard })
	if len(batch) > 1 {
		again = nil
		for _, message := range batch {
			if !k.tryCommit([]*text{message}) {
				again = append(again, message)
				k.r.last = k.r.last || fresh && message.tried
			}
		}
	}
	for len(again) > 0 && !k.tryCommit(again) {
		k.resume()
	}
}

// tryCommit is actionTryCommit with doTransaction.
func (k *worker) tryCommit(batch []*text) bool {
	if !k.prepare() {
		return false
	}
	failures := 0 // in a row
	for i := 0; i < len(batch); i++ {
		if k.prepare() && k.state == itx {
			batch[i].tried = true
			if reply := k.pipe.exchange(k, batch[i].string); reply == "OK" || reply == "DEFER_COMMIT" {
				batch[i].heard = true
				failures = 0
				continue
			}
		}
		k.state = rtry
		k.failed()
		if failures++; failures == 2 && k.r.release.splits {
			return false
		}
		i--
		k.p.sleep(time.Second)
	}
	if k.pipe.exchange(k, "COMMIT TRANSACTION") != "OK" {
		k.state = rtry
		k.failed()
		return false
	}
	k.state = rdy
	return true
}

// prepare is actionPrepare: it begins a transaction where none is begun.
func (k *worker) prepare() bool {
	if k.state == rtry {
		k.resume()
	}
	if !k.pipe.runs() && k.pipe.o == nil {
		k.pipe.start(k) // the worker's first process
	}
	if k.state == rdy {
		if k.pipe.exchange(k, "BEGIN TRANSACTION") != "OK" {
			k.state = rtry
			k.failed()
			return false
		}
		k.state, k.taken = itx, true
	}
	return true
}

// resume is actionDoRetry, with action.resumeInterval="1".
func (k *worker) resume() {
	for !k.pipe.start(k) {
		k.failed()
		k.p.sleep(time.Second)
	}
	k.state = rdy
}

// pipe is a pair of pipes to an omzmq: a line and its reply belong together.
type pipe struct {
	w     *world
	host  *host
	o     *omzmq // nil when rsyslog knows that it is gone
	busy  bool
	queue []func() // workers that wait for the pipe

	impatient bool // omzmq sometimes takes longer than confirmTimeout
}

func (q *pipe) runs() bool { return q.o != nil && !q.o.known }

// start starts omzmq if it does not run, and reports whether it said OK.
func (q *pipe) start(k *worker) (ok bool) {
	q.lock(k.p)
	defer q.unlock()
	if q.runs() {
		return true
	}
	o := q.host.fork(k.id)
	q.o = o
	k.p.sleep(q.w.between(time.Millisecond, 100*time.Millisecond))
	if !o.alive {
		o.known = true
		return false
	}
	return true
}

// exchange writes a line and returns the reply, "" when omzmq has died, or has not answered within confirmTimeout.
func (q *pipe) exchange(k *worker, line string) (reply string) {
	q.lock(k.p)
	defer q.unlock()
	if !q.runs() {
		return ""
	}
	k.p.wait(func(resume func()) {
		q.o.say(line, func(said string) {
			reply = strings.TrimSuffix(said, "\n")
			q.w.soon(resume)
		})
		if q.impatient && q.w.chance(100) {
			o := q.o
			q.w.after(q.w.between(0, time.Millisecond), func() { o.giveUp() })
		}
	})
	q.o.known = reply == ""
	if q.w.tell != nil {
		q.w.log("   %d: %s => %s", k.id, line, reply)
	}
	return reply
}

func (q *pipe) lock(p *proc) {
	for q.busy {
		p.wait(func(resume func()) { q.queue = append(q.queue, resume) })
	}
	q.busy = true
}

func (q *pipe) unlock() {
	q.busy = false
	if len(q.queue) > 0 {
		n := q.w.random.IntN(len(q.queue))
		next := q.queue[n]
		q.queue = slices.Delete(q.queue, n, n+1)
		q.w.after(0, next)
	}
}

// hangUp closes the pipes: rsyslogd has died.
func (q *pipe) hangUp() {
	q.queue = nil
	if q.o != nil && !q.o.closed {
		q.o.endOfFile()
	}
}

// texts are messages, some of them with equal texts.
func texts(w *world, n int) (queue []string, sent map[string]int) {
	sent = make(map[string]int)
	often := 1 + w.random.IntN(4)
	for i := range n {
		text := "message " + string(rune('A'+i/26)) + string(rune('a'+i%26))
		if w.random.IntN(often) > 0 {
			text = "often " + string(rune('0'+w.random.IntN(3)))
		}
		sent[text]++
		queue = append(queue, text)
	}
	return queue, sent
}

func pick[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }
