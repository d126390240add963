package integration

import (
	"os"
	"strings"
	"testing"
)

// A template that lets a line feed through makes two lines of a message, and rsyslogd takes the reply to the first for
// the answer to both. omzmq says so at once.
func TestLineFeedInAMessage(t *testing.T) {
	t.Parallel()
	imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	action := strings.Replace(toOmzmq("--connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue), `template="raw"`, `template="two"`, 1)
	from := startRsyslogd(t, preamble+wayIn+`template(name="two" type="string" string="%rawmsg%\n%rawmsg%\n")`+action)
	from.say(t, 0, 1)
	eventually(t, patience, "omzmq logs it", func() bool {
		words, _ := os.ReadFile(from.file("omzmq.log")) // may not exist yet
		return strings.Contains(string(words), "a message has a line feed in it") && strings.Contains(string(words), "escape-cc")
	})
}
