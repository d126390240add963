package simulation

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// rsyslog is an rsyslogd with an action of useTransactions="on", a disk queue and some queue workers.
type rsyslog struct {
	w       *world
	host    *host
	queue   []string // not dequeued yet
	workers []*worker
	life    int
	shared  *pipe // forceSingleInstance
	sent    map[string]int
	last    bool // a message came again after new ones: its batch failed at BEGIN, and it alone at COMMIT
}

// worker is a queue worker: plugins/omprog and action.c of rsyslog 8.2302, with the same names.
type worker struct {
	r     *rsyslog
	p     *proc
	pipe  *pipe
	id    int
	state int
	begun bool     // the last transaction got past BEGIN
	batch []string // dequeued and not deleted from the queue
}

const (
	rdy  = iota // ready
	itx         // in a transaction
	rtry        // to be resumed
)

// start starts the workers.
func (r *rsyslog) start(workers int, single bool) {
	r.life++
	r.workers, r.shared = nil, nil
	if single {
		r.shared = &pipe{w: r.w, host: r.host}
	}
	for n := range workers {
		k := &worker{r: r, id: r.life*10 + n, pipe: r.shared}
		if !single {
			k.pipe = &pipe{w: r.w, host: r.host}
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
	var left []string
	for _, k := range r.workers {
		k.p.stop()
		left = append(left, k.batch...)
		k.pipe.hangUp()
	}
	r.queue = append(left, r.queue...)
	r.workers = nil
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
		if len(k.r.queue) == 0 {
			k.p.sleep(100 * time.Millisecond)
			continue
		}
		n := min(1+k.r.w.random.IntN(12), len(k.r.queue))
		if k.r.w.chance(3) {
			n = 1
		}
		k.batch = slices.Clone(k.r.queue[:n])
		k.r.queue = k.r.queue[n:]
		for _, text := range k.batch {
			if !k.prepare() {
				// rsyslog 8.2302 sends this message with the batch and puts it back into the queue, too.
				k.r.w.log("rsyslog will send %q once more: BEGIN failed", text)
				k.r.send(text)
			}
		}
		k.commit(k.batch)
		k.batch = nil
		if k.r.w.chance(3) {
			k.p.sleep(k.r.w.between(0, 3*time.Second))
		}
	}
}

// commit is actionCommit.
func (k *worker) commit(batch []string) {
	if k.tryCommit(batch) {
		return
	}
	again, fresh := batch, !k.begun
	if len(batch) > 1 {
		again = nil
		for _, text := range batch {
			if !k.tryCommit([]string{text}) {
				again = append(again, text)
				k.r.last = k.r.last || fresh && k.begun
			}
		}
	}
	for len(again) > 0 && !k.tryCommit(again) {
		k.resume()
	}
}

// tryCommit is actionTryCommit with doTransaction.
func (k *worker) tryCommit(batch []string) bool {
	if k.begun = k.prepare(); !k.begun {
		return false
	}
	for i := 0; i < len(batch); i++ {
		if k.prepare() && k.state == itx {
			if reply := k.pipe.exchange(k, batch[i]); reply == "OK" || reply == "DEFER_COMMIT" {
				continue
			}
		}
		k.state = rtry
		i--
		k.p.sleep(time.Second)
	}
	if k.pipe.exchange(k, "COMMIT TRANSACTION") != "OK" {
		k.state = rtry
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
			return false
		}
		k.state = itx
	}
	return true
}

// resume is actionDoRetry, with action.resumeInterval="1".
func (k *worker) resume() {
	for !k.pipe.start(k) {
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

// exchange writes a line and returns the reply, "" when omzmq has died.
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
	if q.o != nil && q.o.alive {
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
