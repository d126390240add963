package redis

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// newCall returns a writer without a server, and its call with the numbers 1 to 3 of a sender. fates receives what is
// settled.
func newCall(maxList int64) (w *Writer, c *call, fates map[int]error) {
	fates = make(map[int]error)
	w = &Writer{cfg: Config{MaxList: maxList}, reporter: newReporter(slog.New(slog.DiscardHandler), nil)}
	w.batch = []message.Message{{Sender: "01", Seq: 1}, {Sender: "01", Seq: 2}, {Sender: "01", Seq: 3}}
	w.texts = make([][]byte, len(w.batch))
	w.settled = func(i int, refusal error) { fates[i] = refusal }
	w.cfg.Target = Target{Kind: List, Key: Key{text: "logs", at: -1}}
	w.plan.make(w)
	c = w.plan.pending[0]
	c.command(w)
	return w, c, fates
}

func answered(value any) *goredis.Cmd {
	command := goredis.NewCmd(context.Background())
	command.SetVal(value)
	return command
}

func failed(err error) *goredis.Cmd {
	command := goredis.NewCmd(context.Background())
	command.SetErr(err)
	return command
}

// bitmaps is the script's answer that a sender's numbers are stored already.
func bitmaps(seqs ...uint64) []any {
	var all []marks
	for _, seq := range seqs {
		all = mark(all, seq)
	}
	return []any{string(all[0].bits[:])}
}

func TestConcludeStored(t *testing.T) {
	t.Parallel()
	w, c, fates := newCall(0)
	if f := w.conclude(c, answered(int64(3)), nil); f != nil || len(fates) != 3 || len(c.entries) != 0 {
		t.Errorf("%v, fates %v", f, fates)
	}
}

func TestConcludeRepeats(t *testing.T) {
	t.Parallel()
	w, c, fates := newCall(0)
	if f := w.conclude(c, answered(bitmaps(1, 3)), nil); f != nil || len(fates) != 2 || fates[0] != ErrRepeat || fates[2] != ErrRepeat {
		t.Errorf("%v, fates %v", f, fates)
	}
	if len(c.entries) != 1 || c.seqs[0] != 2 {
		t.Errorf("numbers %d are left, want 2", c.seqs)
	}
	if f := w.conclude(c, answered(bitmaps(1)), nil); f == nil || f.code != codeStrange {
		t.Errorf("bitmaps without any of the numbers: %v", f)
	}
}

// Repeats of an attempt whose answer was lost, or that waited for replicas, are stored messages.
func TestConcludeInDoubt(t *testing.T) {
	t.Parallel()
	missing := &fault{code: codeReplicas}
	for name, doubt := range map[string]func(w *Writer, c *call) *fault{
		"no answer":  func(w *Writer, c *call) *fault { return w.conclude(c, failed(errors.New("cut")), nil) },
		"replicas":   func(w *Writer, c *call) *fault { return w.conclude(c, answered(int64(3)), missing) },
		"no number":  func(w *Writer, c *call) *fault { return w.conclude(c, answered("OK"), nil) },
		"never full": func(w *Writer, c *call) *fault { return w.conclude(c, answered(int64(-1)), nil) },
	} {
		w, c, fates := newCall(0)
		if f := doubt(w, c); f == nil || len(fates) != 0 {
			t.Errorf("%s: %v, fates %v", name, f, fates)
		}
		if f := w.conclude(c, answered(bitmaps(1, 2, 3)), nil); f != nil || len(fates) != 3 || fates[0] != nil {
			t.Errorf("%s: %v, fates %v", name, f, fates)
		}
	}
}

func TestConcludeFull(t *testing.T) {
	t.Parallel()
	w, c, fates := newCall(5)
	for i, step := range []struct {
		answer any
		want   *fault
		phase  phase
	}{
		{int64(-1), full, polling},
		{int64(6), full, polling},
		{int64(5), full, polling},
		{int64(4), nil, storing},
		{int64(-1), full, polling},
		{int64(0), nil, storing},
	} {
		if f := w.conclude(c, answered(step.answer), nil); f != step.want || c.phase != step.phase || len(fates) > 0 {
			t.Errorf("step %d: %v, phase %d, fates %v", i+1, f, c.phase, fates)
		}
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	away, memory := &fault{code: codeAway}, &fault{code: "OOM"}
	for _, c := range []struct{ a, b, want *fault }{
		{nil, nil, nil}, {nil, full, full}, {full, nil, full}, {full, away, away}, {away, full, away}, {away, memory, memory},
	} {
		if got := worse(c.a, c.b); got != c.want {
			t.Errorf("worse(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// The script's text is sent once when Redis does not know it. If that does not help, the writer waits.
func TestConcludeScriptUnknown(t *testing.T) {
	t.Parallel()
	w, c, fates := newCall(0)
	unknown := failed(reply("NOSCRIPT No matching script."))
	if f := w.conclude(c, unknown, nil); f != nil || c.phase != loading || c.command(w)[0] != "eval" {
		t.Errorf("%v, phase %d", f, c.phase)
	}
	if f := w.conclude(c, unknown, nil); f == nil || c.phase != loading {
		t.Errorf("again: %v, phase %d", f, c.phase)
	}
	if f := w.conclude(c, answered(int64(3)), nil); f != nil || len(fates) != 3 || c.phase != storing {
		t.Errorf("%v, phase %d, fates %v", f, c.phase, fates)
	}
}
