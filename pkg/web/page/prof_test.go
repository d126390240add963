package page_test

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
	"time"
)

func TestProf(t *testing.T) {
	keys := strings.Split(os.Getenv("PROFKEYS"), ",")
	if keys[0] == "" {
		return
	}
	_, tab, r := open(t, "")
	waitFor(t, tab, "#state", "live")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() { defer close(done); flood(r, stop) }()
	time.Sleep(6 * time.Second)
	tab.Run(nil, `window.__answers = []; window.__long=[];
		document.addEventListener('keydown', (e) => {
			const t0 = performance.now();
			requestAnimationFrame(() => { const t1 = performance.now(); const c = new MessageChannel(); c.port1.onmessage = () => window.__answers.push([e.key, Math.round(t0 - e.timeStamp), Math.round(t1-t0), Math.round(performance.now() - t1)]); c.port2.postMessage(0); });
		}, true);
		document.addEventListener('keydown', (e) => { const t=performance.now(); queueMicrotask(()=>0); window.__k=t; }, false);`)
	tab.Command("Profiler.enable", map[string]any{}, nil)
	tab.Command("Profiler.setSamplingInterval", map[string]any{"interval": 500}, nil)
	tab.Command("Profiler.start", map[string]any{}, nil)
	for n := 0; n < 40; n++ {
		tab.Press(keys[n%len(keys)])
		time.Sleep(100 * time.Millisecond)
	}
	var p struct {
		Profile struct {
			Nodes []struct {
				ID        int
				CallFrame struct {
					FunctionName, URL string
					LineNumber        int
				}
				Children []int
			}
			Samples    []int
			TimeDeltas []float64
		}
	}
	tab.Command("Profiler.stop", map[string]any{}, &p)
	self := map[string]float64{}
	name := map[int]string{}
	parent := map[int]int{}
	for _, n := range p.Profile.Nodes {
		u := n.CallFrame.URL
		name[n.ID] = fmt.Sprintf("%s %s:%d", n.CallFrame.FunctionName, u[strings.LastIndex(u, "/")+1:], n.CallFrame.LineNumber+1)
		for _, c := range n.Children {
			parent[c] = n.ID
		}
	}
	total := map[string]float64{}
	var sum float64
	for i, s := range p.Profile.Samples {
		self[name[s]] += p.Profile.TimeDeltas[i] / 1000
		sum += p.Profile.TimeDeltas[i] / 1000
		seen := map[string]bool{}
		for at := s; at != 0; at = parent[at] {
			if !seen[name[at]] {
				seen[name[at]] = true
				total[name[at]] += p.Profile.TimeDeltas[i] / 1000
			}
		}
	}
	show := func(m map[string]float64, n int) {
		var ks []string
		for k := range m {
			ks = append(ks, k)
		}
		sort.Slice(ks, func(a, b int) bool { return m[ks[a]] > m[ks[b]] })
		for i, k := range ks {
			if i >= n {
				break
			}
			fmt.Printf("%8.0f ms %s\n", m[k], k)
		}
	}
	fmt.Println("sum", sum, "self:")
	show(self, 25)
	fmt.Println("total:")
	show(total, 40)
	var a any
	tab.Run(&a, "return window.__answers")
	fmt.Println("key, queue, to frame, frame:", a)
	close(stop)
	<-done
}
