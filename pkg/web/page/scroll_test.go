package page_test

import (
	"strings"
	"testing"
	"time"
)

// TestScrollingInAFlood scrolls about in what is left of 25,000 lines while more come, and compares what is shown: no
// line twice, none missing without a note, and the numbers add up.
func TestScrollingInAFlood(t *testing.T) {
	_, tab, r := open(t, "")
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i += 150 {
			select {
			case <-stop:
				done <- i
				return
			case <-r.gone:
				return
			case <-tick.C:
			}
			select {
			case r.parts <- []byte(events(i, 150, "line")):
			case <-r.gone:
				return
			}
		}
	}()
	waitFor(t, tab, "#lines", "line")
	var wrong []string
	for seed := 1; seed < 5 && len(wrong) == 0; seed++ { // each is a time of its own in the page
		tab.Run(&wrong, `const log = document.getElementById('log'), wrong = [];
		const frames = async (n) => { while (n-- > 0) await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))); };
		const press = (key) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
		const check = (step) => {
			let before = null;
			for (const row of document.getElementById('lines').children) {
				const n = row.matches('.note') ? 'note' : parseInt(row.querySelector('.message').textContent.slice(5));
				if (typeof before === 'number' && typeof n === 'number' && n !== before + 1) wrong.push(step + ': ' + n + ' after ' + before);
				before = n;
			}
			const [received, matching, hidden, forgotten] = ['received', 'matching', 'hidden', 'forgotten'].map((id) => Number(document.getElementById(id).textContent.replaceAll(',', '')));
			if (received !== matching + hidden + forgotten) wrong.push(step + ': ' + [received, matching, hidden, forgotten]);
			const [, place, of] = document.getElementById('matches').textContent.match(/^([\d,]+) of ([\d,]+)$/) ?? [];
			if (place && Number(place.replaceAll(',', '')) > Number(of.replaceAll(',', ''))) wrong.push(step + ': ' + place + ' of ' + of);
		};
		const search = document.getElementById('search');
		search.value = '7';
		search.dispatchEvent(new Event('input'));
		const steps = { up: () => { log.scrollTop -= 700; }, down: () => { log.scrollTop += 900; }, top: () => { log.scrollTop = 0; }, end: () => { log.scrollTop = log.scrollHeight; } };
		for (const key of 'gnNfpkjeasswEG') steps[key] = () => press(key);
		const names = Object.keys(steps);
		for (let i = 0, seed = arguments[0]; i < 50 && wrong.length < 10; i++) {
			seed = (seed * 1103515245 + 12345) % 2147483648;
			const name = names[Math.floor(seed / 65536) % names.length];
			steps[name]();
			await frames(seed % 3 + 1);
			check(i + ' ' + name);
		}
		return wrong`, seed)
	}
	close(stop)
	n := <-done
	if len(wrong) > 0 {
		t.Errorf("wrong, after %d lines:\n%s", n, strings.Join(wrong, "\n"))
	}
}
