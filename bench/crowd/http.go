package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
)

// readBuffer is the size of a reader's buffer.
const readBuffer = 64 << 10

// client gives each reader a connection of its own, because a response lasts as long as the reader.
var client = http.Client{Transport: &http.Transport{ReadBufferSize: readBuffer, DisableCompression: true, DialContext: dial}}

// kernelBuffer is how many bytes the kernel holds for a reader that does not read. Readers usually have machines of
// their own. Here, with the kernel's default of up to 6 MiB each, they would use up the memory of all connections of
// this machine (net.ipv4.tcp_mem); then the kernel throws away what arrives for the publisher's and the hub's, too, and
// those stand still until it is sent again.
const kernelBuffer = 256 << 10

// dial connects a reader.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		failed := raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, kernelBuffer)
		})
		return errors.Join(failed, err)
	}}
	return d.DialContext(ctx, network, address)
}

// answer is the response to GET /stream.
type answer struct {
	body   io.Closer
	lines  *bufio.Reader
	events bool
}

// get requests everything and returns when the response has begun: by then the hub has accepted the reader.
func get(address string, events bool) (connection, error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+address+"/stream", nil)
	if err != nil {
		return nil, err
	}
	if events {
		request.Header.Set("Accept", "text/event-stream")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET /stream: %s", response.Status)
	}
	return &answer{body: response.Body, lines: bufio.NewReaderSize(response.Body, readBuffer), events: events}, nil
}

func (a *answer) follow(r *reader) error {
	defer a.body.Close()
	take := r.plainLine
	if a.events {
		take = (&event{to: r}).line
	}
	for {
		line, unfinished, err := a.lines.ReadLine()
		if err != nil {
			return err
		}
		end := take(line)
		for unfinished && err == nil { // the rest of the line is filling
			_, unfinished, err = a.lines.ReadLine()
		}
		r.progress.Store(r.received)
		if end || err != nil {
			return err
		}
	}
}

// What zmqtap writes into plain text where messages are missing.
const (
	wordPrefix = "zmqtap: "
	missingFor = " messages are missing here: this reader is too slow"
	missing    = " messages are missing here: "
)

// plainLine takes a line of plain text.
func (t *tally) plainLine(line []byte) (end bool) {
	word, ours := bytes.CutPrefix(line, []byte(wordPrefix))
	switch {
	case !ours:
		return t.message(line)
	case bytes.HasSuffix(word, []byte(missingFor)):
		t.missed += leadingNumber(word)
	default:
		if at := bytes.Index(word, []byte(missing)); at >= 0 {
			t.gone += leadingNumber(word[bytes.LastIndexByte(word[:at], ' ')+1:])
		}
	}
	return false
}

// event is a Server-Sent Event that is being read.
type event struct {
	to   *reader
	name string
}

// line takes a line of an event stream.
func (e *event) line(line []byte) (end bool) {
	field, value, _ := bytes.Cut(line, []byte(": "))
	switch {
	case len(line) == 0:
		e.name = ""
	case string(field) == "event":
		e.name = string(value)
	case string(field) == "data" && e.name == "":
		return e.to.message(value)
	case string(field) == "data":
		_, count, _ := bytes.Cut(value, []byte(`"count":`)) // absent: unknown
		n := leadingNumber(count)
		if e.name == "missed" {
			e.to.missed += n
		} else {
			e.to.gone += n
		}
	}
	return false
}
