package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// acknowledgedPeer is a DEALER of libzmq with a sender's id, connected to imzmq.
func acknowledgedPeer(t *testing.T, port string) *peer {
	t.Helper()
	identity := fmt.Sprintf("01%016x%016x", rand.Uint64(), rand.Uint64())
	return startPeer(t, "DEALER", "--connect", "tcp://127.0.0.1:"+port, "--identity", identity)
}

func sequence(seq uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, seq))
}

// A number that no sender reaches ends its connection, and nothing else.
func TestExtremeNumbers(t *testing.T) {
	t.Parallel()
	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	port := r.boundPort(t)
	for _, seq := range []uint64{1<<64 - 1, 1 << 63, 0} {
		acknowledgedPeer(t, port).send(t, sequence(seq), "", "extreme")
		r.logged(t, fmt.Sprintf("peer dropped.*sequence number %d:", seq))
	}
	good := acknowledgedPeer(t, port)
	for _, seq := range []uint64{1, 2, 1<<63 - 1} {
		good.send(t, sequence(seq), "", fmt.Sprint(seq))
		good.expect(t, sequence(seq))
		r.expect(t, fmt.Sprint(seq))
	}
	r.stop(t)
}

// Peers that send one number again and again delay nobody: see TestRepeatsEndARound of package intake.
func TestRepeatingPeers(t *testing.T) {
	t.Parallel()
	r := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	port := r.boundPort(t)
	stop := make(chan struct{})
	ended := make(chan error)
	const repeating = 3
	for range repeating {
		p := acknowledgedPeer(t, port)
		p.send(t, sequence(1), "", "repeated")
		p.expect(t, sequence(1))
		r.expect(t, "repeated")
		go func() {
			for {
				select {
				case <-stop:
					ended <- nil
					return
				case <-p.messages: // its answers
				default:
					if err := p.post(sequence(1), "", "repeated"); err != nil {
						ended <- err
						return
					}
				}
			}
		}()
	}
	d := drive(t, "--connect", "tcp://127.0.0.1:"+port)
	for _, line := range numbered("<13>honest ", 20) {
		d.commits(t, line)
		r.expect(t, line)
	}
	close(stop)
	for range repeating {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	wantExit(t, d, 0)
	r.stop(t)
}

// improg does not start imzmq again: a port that is taken at the start is waited for.
func TestImprogWaitsForItsPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := folder(t)
	log, script := filepath.Join(dir, "stderr"), filepath.Join(dir, "imzmq")
	text := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\" 2>%s\n", program("imzmq"), log)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	endpoint := "tcp://" + l.Addr().String()
	conf := strings.Replace(fromImprog("--bind "+endpoint+" --reconnect 10ms", true), program("imzmq"), script, 1)
	to := startRsyslogd(t, preamble+conf)
	eventually(t, patience, "imzmq goes on trying", func() bool {
		text, _ := os.ReadFile(log) // there is none yet
		return strings.Contains(string(text), "cannot listen; will go on trying")
	})
	l.Close()
	d := drive(t, "--connect", endpoint)
	d.commits(t, "<13>late")
	wantExit(t, d, 0)
	eventually(t, patience, "the message arrives", func() bool { return len(readLines(t, to.file("out"))) == 1 })
	to.stop(t)
}

// readLines returns the lines of a file, which may not be there yet.
func readLines(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}
