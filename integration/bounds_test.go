package integration

import (
	"os/exec"
	"testing"
)

// The programs work with the largest numbers that their flags take.
func TestLargestNumbers(t *testing.T) {
	most := []string{"--hwm", "1000000000", "--max-message-size", "1024MiB", "--reconnect-max", "87600h", "--bind-retry", "87600h",
		"--heartbeat", "87600h", "--linger", "87600h"}
	with := func(flags ...string) []string { return append(flags, most...) }
	at := "ipc://" + folder(t) + "/s"
	receiver := startPrinter(t, with("--bind", at, "--batch", "1000000", "--batch-delay", "0")...)
	sender := drive(t, with("--connect", at, "--send-timeout", "87600h")...)
	lines := numbered("most", 3000)
	sender.commits(t, lines...)
	for _, want := range lines {
		receiver.expect(t, want)
	}
	wantExit(t, sender, 0)
	receiver.stop(t)

	hub := start(t, "zmqtap", exec.Command(program("zmqtap"), with("hub", "--in", at+"in", "--out", at+"out", "--replay", "1000000000",
		"--replay-bytes", "1024MiB", "--http", "unix:"+at[len("ipc://"):]+"http", "--http-history", "1024MiB", "--http-clients", "1000000000",
		"--http-heartbeat", "87600h")...))
	tap := startReceiver(t, "zmqtap", exec.Command(program("zmqtap"), with("--raw", "--count", "1", "--for", "87600h", at+"out")...))
	publisher := drive(t, with("--socket", "pub", "--connect", at+"in", "--topic", "t")...)
	eventually(t, patience, "a published message arrives", func() bool {
		publisher.commits(t, "<13>a")
		return !tap.running()
	})
	tap.expect(t, "<13>a")
	wantExit(t, publisher, 0)
	hub.stop(t)
}
