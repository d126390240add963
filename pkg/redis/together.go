package redis

import "slices"

// A hub of hundreds of senders that each send a little has a call for each of them in a round, and Redis takes longer
// for the call than for its messages. Such calls for one key are therefore sent together, as one call of another script
// (storemany.lua), which does what is usual. What it leaves out is sent again at once, alone.

// joins reports whether a call may be sent together with others.
func (c *call) joins(w *Writer) bool {
	if w.cfg.Target.Kind == Channel || c.phase != storing || c.alone {
		return false
	}
	field := c.seqs[0] / numbersPerField
	return !slices.ContainsFunc(c.seqs, func(seq uint64) bool { return seq/numbersPerField != field })
}

// none is the process of a sender that gives out no numbers.
var none string

// commandTogether returns the arguments of the command that stores the messages of several calls for one key. It
// borrows the messages, and the calls' memory until the next command of one of them.
func (e *exchange) commandTogether(w *Writer) []any {
	calls := e.calls
	how, text := "evalsha", many.sha1
	if e.text = w.sendMany; e.text {
		how, text = "eval", many.text
	}
	values := 0
	for _, c := range calls {
		c.args = c.appendValues(c.args[:0], w)
		values += len(c.args)
	}
	args := make([]any, 0, 7+7*len(calls)+values)
	args = append(args, how, text, 1+len(calls), &calls[0].key)
	for _, c := range calls {
		args = append(args, &c.memory)
	}
	args = append(args, w.cfg.Remember.Milliseconds(), w.kind(), w.limit())
	for _, c := range calls {
		c.mark()
		c.owner = c.owner[:0]
		if c.claim.Key != "" {
			c.owner = append(append(append(c.owner, c.claim.Key...), ' '), c.claim.Name...)
		}
		process := &c.claim.Instance
		if !c.claim.Gives() {
			process = &none
		}
		args = append(args, &c.owner, process, &c.marks[0].field, &c.marks[0].first, &c.spans[0], len(c.args))
	}
	for _, c := range calls {
		args = append(args, c.args...)
	}
	return args
}

// concludeTogether acts on the answer to several calls as conclude does for one.
func (w *Writer) concludeTogether(e *exchange, missing *fault) *fault {
	value, err := e.command.Result()
	if err != nil {
		return w.failedTogether(e, newFault(err, &w.cfg.Target))
	}
	w.sendMany = false
	length, left, ok := partTogether(value, len(e.calls))
	if !ok {
		missing = strange("not of several senders")
	}
	if missing != nil {
		for _, c := range e.calls {
			c.inDoubt = true
		}
		return missing
	}
	for _, i := range left {
		e.calls[i].alone = true
	}
	if length < 0 {
		for _, c := range e.calls {
			if !c.alone {
				c.phase = polling
			}
		}
		return full
	}
	w.backoff.Reset()
	w.reporter.stored(e.calls[0].key)
	for _, c := range e.calls {
		if !c.alone {
			w.settle(c, nil)
		}
	}
	return nil
}

// partTogether returns the parts of the answer of storemany.lua to n calls: the list's length, or -1 when it is full,
// and the indices of the calls that are left out.
func partTogether(value any, n int) (length int64, left []int64, ok bool) {
	numbers, _ := value.([]any)
	for i := range numbers {
		number, is := numbers[i].(int64)
		if !is || i > 0 && (number < 1 || number > int64(n)) {
			return 0, nil, false
		}
		if i == 0 {
			length = number
		} else {
			left = append(left, number-1)
		}
	}
	return length, left, len(numbers) > 0
}

// failedTogether acts on an error in place of an answer.
func (w *Writer) failedTogether(e *exchange, f *fault) *fault {
	switch {
	case f.verdict == load && !e.text:
		w.sendMany = true
		return nil
	case f.verdict == refuse: // and whose call is at fault is seen when each is sent alone
		for _, c := range e.calls {
			c.alone = true
		}
		return nil
	}
	for _, c := range e.calls {
		c.inDoubt = c.inDoubt || f.unknown
	}
	return f
}
