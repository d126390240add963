package page_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample returns the events of n messages such as a data center has.
func sample(n int) string {
	lines := []struct{ topic, text string }{
		{"authpriv.info.sshd", `<86>1 %s web-03 sshd 2211 - - Accepted publickey for deploy from 10.4.1.17 port 50514 ssh2: ED25519 SHA256:mV0q…`},
		{"local0.info.nginx", `<134>1 %s web-01 nginx 811 - - 10.0.7.23 "GET /api/v2/orders?limit=50 HTTP/2.0" 200 18342 0.043`},
		{"mail.notice.postfix", `<21>1 %s mx-02 postfix/smtp 4120 - - 4F1C82: to=<ops@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=1.2, status=sent (250 2.0.0 Ok: queued)`},
		{"local0.debug.orders", `{"level":"debug","msg":"cache refreshed","entries":18231,"took_ms":41}`},
		{"local0.info.nginx", `<134>1 %s web-02 nginx 803 - - 10.0.7.41 "POST /api/v2/orders HTTP/2.0" 201 512 0.087`},
		{"kern.warning.kernel", `<4>1 %s db-01 kernel - - - TCP: request_sock_TCP: Possible SYN flooding on port 5432. Sending cookies.`},
		{"local0.err.orders", `{"level":"error","msg":"payment gateway timed out","order":"A-20418","attempt":3,"timeout_ms":5000,"trace":"4bf92f3577b34da6a3ce929d0e0e4736"}`},
		{"cron.info.CRON", `<78>1 %s db-01 CRON 30112 - - (postgres) CMD (/usr/local/bin/rotate-wal)`},
		{"daemon.crit.smartd", `<26>1 %s db-02 smartd 702 - - Device: /dev/sdb [SAT], 8 Currently unreadable (pending) sectors`},
		{"local0.info.orders", `{"level":"info","msg":"request done","path":"/orders/A-20419","status":200,"ms":12}`},
	}
	var b strings.Builder
	now := time.Now()
	at := now.Add(-110 * time.Second)
	for i := range n {
		l := lines[(i*7+i/10)%len(lines)]
		part := float64(i) / float64(n) // the intervals vary in waves, and add up to 110 seconds
		at = at.Add(time.Duration((1 + 0.8*math.Sin(25*part)) * float64(110*time.Second) / float64(n)))
		m := l.text
		if strings.Contains(m, "%s") {
			m = fmt.Sprintf(m, at.UTC().Format("2006-01-02T15:04:05.000Z"))
		}
		if i == n-15 {
			b.WriteString("event: gap\ndata: {\"publisher\":\"tcp://logs-02:5556\",\"count\":3,\"reason\":\"the connection was lost\"}\n\n")
		}
		b.WriteString(eventAt(i, l.topic, m, at))
	}
	return b.String()
}

// TestScreenshots writes pictures of the page into the folder that -screenshots names. Without it, it only
// checks that they can be taken.
func TestScreenshots(t *testing.T) {
	for _, device := range []device{{"desktop", 1280, 640, 1, false}, {"phone", 360, 740, 2, true}} {
		for _, scheme := range []string{"light", "dark"} {
			name := fmt.Sprintf("page-%s-%s.png", device.name, scheme)
			t.Run(name, func(t *testing.T) {
				picture := photograph(t, device, scheme)
				if *screenshots == "" {
					return
				}
				if err := os.WriteFile(filepath.Join(*screenshots, name), small(t, picture), 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

type device struct {
	name          string
	width, height int
	scale         float64
	mobile        bool
}

func photograph(t *testing.T, device device, scheme string) image.Image {
	t.Helper()
	s := newServer(t)
	tab := newTab(t)
	tab.SetSize(device.width, device.height, device.scale, device.mobile)
	tab.SetColorScheme(scheme)
	tab.Go(s.URL)
	s.live().send(sample(640))
	tab.Wait("all lines", "return document.querySelectorAll('.line').length === 640")
	if !device.mobile {
		tab.Type("#search", "orders")
		waitFor(t, tab, "#matches", "matches")
	}
	waitFor(t, tab, "#received", "640")
	picture, err := png.Decode(bytes.NewReader(tab.Screenshot()))
	if err != nil {
		t.Fatal(err)
	}
	if got := picture.Bounds().Dx(); got != int(float64(device.width)*device.scale) {
		t.Errorf("the picture is %d wide", got)
	}
	return picture
}

// small encodes a picture with at most 256 colors: the most frequent one of each set of similar colors, and
// of these the most frequent.
func small(t *testing.T, picture image.Image) []byte {
	t.Helper()
	counts := map[color.RGBA]int{}
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			counts[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	alike := map[color.RGBA]color.RGBA{}
	for c, n := range counts {
		key := color.RGBA{R: c.R >> 3, G: c.G >> 3, B: c.B >> 3}
		if best, ok := alike[key]; !ok || n > counts[best] {
			alike[key] = c
		}
	}
	colors := slices.Collect(maps.Values(alike))
	slices.SortFunc(colors, func(a, b color.RGBA) int { return counts[b] - counts[a] })
	var palette color.Palette
	for _, c := range colors[:min(len(colors), 256)] {
		palette = append(palette, c)
	}
	paletted := image.NewPaletted(b, palette)
	draw.Draw(paletted, b, picture, b.Min, draw.Src)
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, paletted); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
