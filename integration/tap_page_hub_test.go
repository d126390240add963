package integration

import (
	"strings"
	"testing"
)

// docs/tap.md: tenants of a hub, from the keys to what each of them reads.
func TestTapPageTenantsOfAHub(t *testing.T) {
	dir, in, out := folder(t), "127.0.0.1:"+freePort(t), "127.0.0.1:"+freePort(t)
	if keys := typed(t, dir, pageBlock(t, "### 7. ", "sh", 0)); keys.exit(t) != 0 {
		t.Fatal("no keys")
	}
	hub := typed(t, dir, "exec "+pageBlock(t, "### 7. ", "sh", 1, "127.0.0.1:5557", in, "127.0.0.1:5558", out))
	var readers []*receiver
	for line := range strings.Lines(pageBlock(t, "### 7. ", "sh", 2, "127.0.0.1:5558", out)) {
		readers = append(readers, typed(t, dir, line))
	}
	publish := pageBlock(t, "### 7. ", "sh", 3, "127.0.0.1:5557", in)
	wantOnly(t, func() { typed(t, dir, publish).exit(t) }, readers[:4],
		`^\S+ (shop/web1/ -      an order|nginx/web1/ -      GET /)$`,
		`^\S+ billing/web1/ -      an invoice$`,
		`^\S+ (shop/web1/ -      an order|nginx/web1/ -      GET /|billing/web1/ -      an invoice)$`,
		`^\S+ nginx/web1/ -      GET /$`)
	if nothing := readers[4]; len(nothing.lines) > 0 {
		t.Errorf("billing gets %q of what is shop's", nothing.next(t))
	}
	hub.stop(t)
}
