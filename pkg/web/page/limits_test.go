package page_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// What a row and the list hold is bounded, and what a row shows is printable.
func TestRowLimits(t *testing.T) {
	_, tab := modules(t)
	var got []any
	tab.Run(&got, `const { Row } = await import('/row.js'), { patternOf } = await import('/highlight.js');
		const { Clock } = await import('/clock.js'), { column } = await import('/columns.js');
		const look = { columns: ['time', 'topic', 'host'].map(column), clock: new Clock(), group: true };
		const long = 'x'.repeat(1000);
		const row = new Row({ kind: 'line', topic: long, host: 'x\u202e', frames: [long], text: long, extra: '', received: NaN, time: NaN, severity: 8, head: null, size: 1 }, patternOf('x'), look);
		const length = (selector) => row.element.querySelector(selector).textContent.length;
		return [length('.topic'), length('.frames'), row.element.querySelector('.host').title, row.element.querySelectorAll('.message mark').length]`)
	if want := []any{257.0, 257.0, "x<U+202E>", 100.0}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	tab.Run(&got, `const { List } = await import('/list.js');
		const log = document.createElement('div'), lines = document.createElement('div');
		log.append(lines);
		const list = new List(log, lines, { columns: [], clock: null, group: true }), lengths = [];
		for (let i = 0; i < 4; i++) {
			list.append([{ kind: 'gap', text: 'note ' + i, size: 7 * 1024 * 1024 }]);
			lengths.push(list.length);
		}
		list.append([{ kind: 'gap', text: 'last', size: 17 * 1024 * 1024 }]);
		return [...lengths, list.length, lines.textContent]`)
	if want := []any{1.0, 2.0, 2.0, 2.0, 1.0, "last"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestSummaryIsAnnounced(t *testing.T) {
	_, tab := modules(t)
	var got []string
	tab.Run(&got, `const { Status } = await import('/status.js'), { Upstream } = await import('/upstream.js'), { Clock } = await import('/clock.js');
		const elements = {};
		for (const id of ['state', 'state-text', 'token-again', 'announcer', 'received', 'matching', 'hidden', 'forgotten', 'lost', 'skipped', 'unreadable']) {
			elements[id] = document.createElement('b');
			document.createElement('div').append(elements[id]);
		}
		const now = performance.now, said = [];
		const status = new Status(elements, new Clock(), new Upstream());
		try {
			for (const later of [9_000, 11_000, 30_000]) {
				performance.now = () => now.call(performance) + later;
				status.received += 2;
				status.errors += 1;
				elements.announcer.textContent = '';
				status.update({ matching: status.received, hidden: 0, forgotten: 0, skipped: 0 }, false);
				said.push(elements.announcer.textContent);
			}
		} finally {
			delete performance.now;
		}
		return said`)
	if want := []string{"", "4 new lines, 2 errors", "2 new lines, 1 error"}; !reflect.DeepEqual(got, want) {
		t.Errorf("announced %q, want %q", got, want)
	}
}

// A long reason is cut, an unexpected status is shown, and an event that is too long is counted.
func TestAnswersThatAreTooMuch(t *testing.T) {
	s := newServer(t)
	tab := newTab(t)
	tab.Go(s.URL)
	s.next().answer(http.StatusInternalServerError, "")
	waitFor(t, tab, "#state", "the server answers 500")
	r := s.live()
	r.send("data: " + strings.Repeat("x", 8<<20) + "x\n\n" + event(1, "", "after"))
	waitFor(t, tab, "#lines", "after")
	waitFor(t, tab, "#unreadable", "1")
	tab.Type("#grep", "(\ue007")
	s.next().answer(http.StatusBadRequest, strings.Repeat("y", 1000))
	waitFor(t, tab, "#grep-error", "yyy")
	if got, _, _ := strings.Cut(text(t, tab, "#grep-error"), " "); got != strings.Repeat("y", 500) {
		t.Errorf("the reason has %d characters", len(got))
	}
}

// Of the lines below the minimum severity, the newest are set aside for when it is lowered.
func TestNewestLinesAreSetAside(t *testing.T) {
	_, tab, r := open(t, "#severity=error")
	var b strings.Builder
	for i := range 3000 {
		b.WriteString(event(i, "", fmt.Sprintf("<15>line %d", i)))
	}
	r.send(b.String())
	waitFor(t, tab, "#hidden", "3,000")
	tab.Run(nil, "const s = document.getElementById('severity'); s.value = ''; s.dispatchEvent(new Event('change'))")
	waitFor(t, tab, ".line:last-child", "line 2999")
}
