package redis

import (
	"context"
	"errors"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

// Lua hashes every byte of what it is given. For a list, a call with many bytes is therefore a transaction: RPUSH takes
// the elements past Lua, all but the last one, and the script after it remembers their numbers and pushes the last, or
// takes back what was pushed. Redis executes all of it or nothing, and serves nobody meanwhile.
//
// What Redis refuses when it queues a command, it refuses the whole transaction for. What it executes it does not undo:
//
//   - The text of the script is sent each time, because EVALSHA can fail after RPUSH has been executed.
//   - RPUSH can fail when the key holds something else: then the script finds that, too. If this user's permissions
//     are changed between the queueing and the execution, the script's own RPUSH is refused as well.
//   - MULTI must not be refused: RPUSH would then be executed alone. Each session is therefore asked whether it may use
//     what a transaction needs. Where it may not, the script pushes everything. (Nobody should forbid MULTI to a user
//     that is connected: the batch that comes next can be stored twice.)
type transaction struct {
	commands []*goredis.Cmd // MULTI, LTRIM, LINDEX, RPUSH, EVAL, EXEC
}

const (
	transactBytes = 16 << 10        // of a call's texts; below that, Lua is faster
	noIndex       = "1000000000000" // of no element
)

// transacts reports whether a call is sent as a transaction to a server that allows it.
func (c *call) transacts(w *Writer) bool {
	if w.cfg.Target.Kind != List || c.phase != storing || c.alone || len(c.entries) < 2 {
		return false
	}
	size := c.size(w)
	return size >= w.transactFrom && size < w.transactBelow
}

// size returns the bytes of a call's texts.
func (c *call) size(w *Writer) (bytes int) {
	for _, i := range c.entries {
		bytes += len(w.texts[i])
	}
	return bytes
}

// send queues a call's commands in pipe.
func (t *transaction) send(ctx context.Context, c *call, w *Writer, pipe goredis.Pipeliner) {
	eval := c.script(w, "pushed", "eval", one.text)
	c.data = c.data[:0]
	c.pushes = append(c.pushes[:0], "rpush", &c.key)
	for _, i := range c.entries {
		c.data = append(c.data, w.texts[i])
	}
	last := len(c.data) - 1
	for i := range c.data[:last] {
		c.pushes = append(c.pushes, &c.data[i])
	}
	c.args = append(eval, last, &c.data[0], &c.data[last-1], &c.data[last])
	for _, args := range append(c.probe(), c.pushes, c.args, []any{"exec"}) {
		command := goredis.NewCmd(ctx, args...)
		t.commands = append(t.commands, command)
		pipe.Process(ctx, command)
	}
}

// eval and exec return the commands of these names.
func (t *transaction) eval() *goredis.Cmd { return t.commands[len(t.commands)-2] }
func (t *transaction) exec() *goredis.Cmd { return t.commands[len(t.commands)-1] }

// probe begins a transaction with the commands that the script may need to take back what was pushed. If this user may
// not use them, Redis says so when it queues them. They change nothing.
func (c *call) probe() [][]any {
	return [][]any{{"multi"}, {"ltrim", &c.key, 0, -1}, {"lindex", &c.key, noIndex}}
}

// allowed asks a server, once a session, whether transactions are allowed. An error counts as no: what is sent then
// shows what is wrong.
func (w *Writer) allowed(ctx context.Context, node *goredis.Client, c *call) bool {
	if a, asked := w.asked[node]; asked && a.session == w.client.opened.Load() {
		return a.yes
	}
	err := node.Do(ctx, "exec").Err()
	yes := err != nil && strings.Contains(err.Error(), "EXEC without MULTI")
	if yes { // a MULTI that nothing can end would spoil the session
		pipe := node.Pipeline()
		for _, args := range c.probe() {
			pipe.Do(ctx, args...)
		}
		exec := pipe.Do(ctx, "exec")
		pipe.Exec(ctx) //nolint:errcheck // exec has it
		err = exec.Err()
		yes = err == nil
	}
	if _, refusal := errors.AsType[goredis.Error](err); err != nil && !refusal {
		return false
	}
	if w.asked == nil {
		w.asked = make(map[*goredis.Client]asked)
	}
	w.asked[node] = asked{session: w.client.opened.Load(), yes: yes}
	return yes
}

// asked is what a server has said of transactions.
type asked struct {
	session uint64 // client.opened at that time
	yes     bool
}

// answer makes the answer to EVAL, which is the call's, of those to the transaction. It returns false when Redis has
// refused a command because this user may not use it.
func (t *transaction) answer() (allowed bool) {
	eval := t.eval()
	replies, err := t.exec().Slice()
	var refusal goredis.Error
	switch {
	case err == nil && len(replies) == len(t.commands)-2:
		if failure, ok := replies[len(replies)-1].(error); ok {
			eval.SetErr(failure)
			return true
		}
		eval.SetVal(replies[len(replies)-1])
		return true
	case err == nil:
		eval.SetVal("a transaction of other commands")
		return true
	case !errors.As(err, &refusal) || errors.Is(err, goredis.Nil):
		eval.SetErr(err)
		return true
	}
	for _, command := range t.commands {
		if why := command.Err(); why != nil { // the first has the reason
			eval.SetErr(why)
			break
		}
	}
	return !forbidden(eval.Err())
}

// forbidden reports whether Redis has refused a command because the user may not use it, or it is renamed.
func forbidden(err error) bool {
	return strings.Contains(err.Error(), "NOPERM") || strings.Contains(err.Error(), "unknown command")
}
