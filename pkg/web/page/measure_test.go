package page_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

var measure = flag.Duration("measure", 0, "send 5,000 lines a second for so long, and print how the page does")

// pressed is how long a key press waited for the frame that shows what it did, in milliseconds.
type pressed struct {
	Key string
	MS  float64
}

// TestMeasure prints how long the page takes to answer each key, and its memory, at 5,000 lines a second. It asserts
// nothing.
func TestMeasure(t *testing.T) {
	if *measure == 0 {
		return
	}
	_, tab, r := open(t, "")
	waitFor(t, tab, "#state", "live")
	tab.Run(nil, `window.__answers = [];
		document.addEventListener('keydown', (e) => { // from the press, through the queue of the page's events, to the frame that shows the answer
			requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => window.__answers.push({ Key: e.key, MS: performance.now() - e.timeStamp }); c.port2.postMessage(0); });
		}, true);`)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		flood(r, stop)
	}()
	keys := []string{"w", "u", "t", "s", "p", "p", "k", "j", "f", "h", "h", "z", "e", "g", "f", "?", webdriver.Escape}
	answers := map[string][]float64{}
	said := time.Now()
	for began, n := time.Now(), 0; time.Since(began) < *measure; n++ {
		tab.Press(keys[n%len(keys)])
		if n%(3*len(keys)) == 0 {
			tab.Type("#search", "7")
			tab.Type("#search", webdriver.Escape)
			tab.Run(nil, "document.activeElement.blur()")
		}
		if time.Since(said) < min(*measure/10, time.Minute) {
			continue
		}
		said = time.Now()
		var got []pressed
		tab.Run(&got, `const got = window.__answers; window.__answers = []; return got`)
		var all []float64
		for _, one := range got {
			answers[one.Key] = append(answers[one.Key], one.MS)
			all = append(all, one.MS)
		}
		var heap struct{ UsedSize float64 }
		tab.Command("HeapProfiler.collectGarbage", nil, nil) // what is left is held
		tab.Command("Runtime.getHeapUsage", nil, &heap)
		var state []any
		tab.Run(&state, `return [...['received', 'forgotten', 'skipped', 'lost'].map((id) => document.getElementById(id).textContent),
			document.getElementById('lines').children.length]`)
		fmt.Printf("%4.0f s: %s; held: %.1f MB; received, forgotten, skipped, lost, rows: %v\n", time.Since(began).Seconds(), summary(all), heap.UsedSize/1e6, state)
	}
	close(stop)
	<-done
	var all []float64
	for key, one := range answers {
		fmt.Printf("%-8q %s\n", key, summary(one))
		all = append(all, one...)
	}
	fmt.Println("all keys", summary(all))
}

// summary tells how many answers there were, the median, the 99th percentile and the longest, and how many took more
// than 100 ms.
func summary(answers []float64) string {
	if len(answers) == 0 {
		return "no answer"
	}
	slices.Sort(answers)
	late := 0
	for _, one := range answers {
		if one > 100 {
			late++
		}
	}
	return fmt.Sprintf("%d answers, median %.0f, p99 %.0f, longest %.0f ms, %d over 100 ms", len(answers), answers[len(answers)/2],
		answers[len(answers)*99/100], answers[len(answers)-1], late)
}

// flood sends 5,000 lines a second, until stop is closed.
func flood(r *reader, stop <-chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	i := 0
	for began := time.Now(); ; {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		due := int(time.Since(began).Seconds() * 5000)
		var b strings.Builder
		for ; i < due; i++ {
			b.WriteString(event(i, fmt.Sprintf("app%d/web%d/", i%20, i%7), fmt.Sprintf("<%d>1 %s web%d app%d %d - - request %d of /api/v2/orders answered 200 in 0.%03d s, upstream 10.0.7.%d", 128+i%8, time.Now().UTC().Format(time.RFC3339Nano), i%7, i%20, 100+i%50, i, i%1000, i%250)))
		}
		r.send(b.String())
	}
}
