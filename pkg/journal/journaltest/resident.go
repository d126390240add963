package journaltest

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Resident returns how many bytes of a mapped file this process has in its memory, as its /proc/self/smaps says.
func Resident(t testing.TB, path string) (bytes int) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	var within bool
	for line := range strings.Lines(string(maps)) {
		switch name, rest, _ := strings.Cut(line, " "); {
		case !strings.HasSuffix(name, ":"): // the first line of a mapping
			within = strings.HasSuffix(strings.TrimSpace(line), " "+path)
		case within && name == "Rss:":
			var kib int
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				t.Fatal(err)
			}
			bytes += kib << 10
		}
	}
	return bytes
}
