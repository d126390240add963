package page_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/webdriver"
)

var measure = flag.Duration("measure", 0, "send 5,000 lines a second for so long, and print how the page does")

// TestMeasure prints how long the page takes to answer a key press, and its memory, at 5,000 lines a second. It asserts
// nothing.
func TestMeasure(t *testing.T) {
	if *measure == 0 {
		return
	}
	_, tab, r := open(t, "")
	waitFor(t, tab, "#state", "live")
	tab.Run(nil, `window.__answers = [];
		document.addEventListener('keydown', (e) => { // from the press, through the queue of the page's events, to the frame that shows the answer
			requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => window.__answers.push(performance.now() - e.timeStamp); c.port2.postMessage(0); });
		}, true);`)
	tab.Command("Performance.enable", map[string]any{"timeDomain": "threadTicks"}, nil)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
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
	}()
	keys := []string{"w", "u", "t", "s", "p", "p", "k", "j", "f", "h", "h", "z"}
	for began, n := time.Now(), 0; time.Since(began) < *measure; n++ {
		tab.Press(keys[n%len(keys)])
		if n%50 == 0 {
			tab.Type("#search", "7")
			tab.Type("#search", webdriver.Escape)
			tab.Run(nil, "document.activeElement.blur()")
		}
		if n%10 == 9 {
			var metrics struct {
				Metrics []struct {
					Name  string
					Value float64
				}
			}
			tab.Command("Performance.getMetrics", nil, &metrics)
			for _, m := range metrics.Metrics {
				if strings.HasSuffix(m.Name, "Duration") || strings.HasSuffix(m.Name, "Time") || m.Name == "Timestamp" || m.Name == "Nodes" {
					fmt.Printf("%s=%.2f ", m.Name, m.Value)
				}
			}
			fmt.Println()
			var got []any
			tab.Run(&got, `const a = window.__answers.sort((x, y) => x - y); window.__answers = [];
				return [a.length, Math.round(a[a.length >> 1]), Math.round(a[Math.floor(a.length * 0.95)]), Math.round(a.at(-1)), Math.round(performance.memory.usedJSHeapSize / 1e6),
					...['received', 'matching', 'hidden', 'forgotten', 'skipped', 'lost'].map((id) => document.getElementById(id).textContent), document.getElementById('lines').children.length]`)
			fmt.Println("keys, median, p95, longest ms, heap MB, received, shown, hidden, forgotten, skipped, lost, rows:", got)
		}
	}
	close(stop)
	<-done
}
