package redis

import (
	"fmt"
	"strings"
	"testing"
)

// A check accepts what Redis answers, in pieces of any size.
func TestReplyCheck(t *testing.T) {
	bulk := func(n int) string { return fmt.Sprintf("$%d\r\n%s\r\n", n, strings.Repeat("\n", n)) }
	array := func(n int, value string) string { return fmt.Sprintf("*%d\r\n%s", n, strings.Repeat(value, n)) }
	for name, c := range map[string]struct {
		replies string
		ok      bool
	}{
		"simple":         {"+OK\r\n-ERR no\r\n:9223372036854775807\r\n:-1\r\n$-1\r\n*-1\r\n$0\r\n\r\n*0\r\n", true},
		"texts":          {strings.Repeat(bulk(100_000), 10), true},
		"bitmaps":        {strings.Repeat(array(65, bulk(128)), 100), true},
		"nested":         {strings.Repeat(array(100, array(3, array(10, ":1\r\n"))), 10), true},
		"RESP 3":         {"%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n#t\r\n>1\r\n=7\r\ntxt:abc\r\n|1\r\n+k\r\n:1\r\n*1\r\n_\r\n", true},
		"a long string":  {fmt.Sprintf("$%d\r\n", maxReplyText+1), false},
		"a long array":   {fmt.Sprintf("*%d\r\n", maxReplyValues+1), false},
		"nested for all": {strings.Repeat("*1000\r\n", 1000), false},
		"a long line":    {"+" + strings.Repeat("x", maxReplyLine+1), false},
		"many digits":    {"$" + strings.Repeat("9", 1000) + "\r\n", false},
		"zeros":          {"$" + strings.Repeat("0", 1000) + "1\r\n", true},
	} {
		for _, size := range []int{len(c.replies), 1, 7} {
			var check replyCheck
			var err error
			for rest := c.replies; rest != "" && err == nil; {
				n := min(size, len(rest))
				err = check.feed([]byte(rest[:n]))
				rest = rest[n:]
			}
			if (err == nil) != c.ok {
				t.Errorf("%s in pieces of %d: %v", name, size, err)
			}
			if err == nil && c.replies[0] != '$' && (check.values != 0 || check.skip != 0) {
				t.Errorf("%s: %d values and %d bytes are still to come", name, check.values, check.skip)
			}
		}
	}
}

// Whatever the pieces, a check says the same, and lets nothing be claimed that is over the limits.
func FuzzReplyCheck(f *testing.F) {
	f.Fuzz(func(t *testing.T, replies []byte, size uint8) {
		var whole, parts replyCheck
		want := whole.feed(replies)
		var got error
		for rest := replies; len(rest) > 0 && got == nil; {
			n := min(int(size)+1, len(rest))
			got = parts.feed(rest[:n])
			rest = rest[n:]
			if got == nil && (parts.skip > maxReplyText+2 || parts.values > maxReplyValues || len(parts.line) > maxDigits) {
				t.Fatalf("%d bytes, %d values and a line of %d bytes", parts.skip, parts.values, len(parts.line))
			}
		}
		if (want == nil) != (got == nil) || want == nil && (whole.skip != parts.skip || whole.values != parts.values) {
			t.Fatalf("at once %v, in pieces %v", want, got)
		}
	})
}
