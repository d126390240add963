package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status/running"
)

const (
	// Path is where a program answers with its Report in JSON.
	Path = "/status"
	// patience is how long an answer may take.
	patience = 3 * time.Second
	// mostReport is how many bytes of an answer are read.
	mostReport = 8 << 20
)

var errSilent = fmt.Errorf("no answer within %v: is the process stopped?", patience)

// Answer is what one running program has answered.
type Answer struct {
	From   string  // its name, or the address that was asked
	Report *Report // nil: there is none
	Err    error   // why not
}

// Ask asks all running programs of one kind, and in addition what answers at some --metrics addresses. program: omzmq,
// imzmq or zmqtap.
func Ask(ctx context.Context, program string, addresses []string) (answers []Answer, err error) {
	if len(addresses) == 0 {
		names, err := running.Find()
		if err != nil {
			return nil, fmt.Errorf("cannot look for running programs: %w", err)
		}
		for _, n := range names {
			if n.Program == program {
				answers = append(answers, ask(ctx, n.String(), func(ctx context.Context) (net.Conn, error) { return running.Dial(ctx, n) })...)
			}
		}
	}
	for _, address := range addresses {
		network, at := "tcp", address
		if path, unix := strings.CutPrefix(address, "unix:"); unix {
			network, at = "unix", path
		}
		answers = append(answers, ask(ctx, address, func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, at)
		})...)
	}
	return answers, nil
}

// ask asks at one place, where more than one program may answer. A program that has just ended is none.
func ask(ctx context.Context, from string, dial func(context.Context) (net.Conn, error)) []Answer {
	var process atomic.Int64 // the dialling may outlast Get
	body, err := Get(ctx, func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		if err == nil {
			process.Store(int64(running.Process(conn)))
		}
		return conn, err
	}, Path)
	if pid := process.Load(); errors.Is(err, errSilent) && pid > 0 {
		err = fmt.Errorf("%w It is pid %d: if ps shows T, kill -CONT %[2]d lets it go on", err, pid)
	}
	if err == nil {
		var reports []*Report
		if reports, err = Decode(body); err == nil {
			answers := make([]Answer, len(reports))
			for i, r := range reports {
				answers[i] = Answer{From: from, Report: r}
			}
			return answers
		}
	}
	return []Answer{{From: from, Err: err}}
}

// Decode reads what a program answers at Path: one report or more. Anybody may have written it.
func Decode(body []byte) (reports []*Report, err error) {
	err = json.Unmarshal(body, &reports)
	if err == nil && (len(reports) == 0 || slices.Contains(reports, nil)) {
		err = errors.New("a report is missing")
	}
	if err != nil {
		return nil, fmt.Errorf("what answers is none of our programs: %w", err)
	}
	return reports, nil
}

// Get asks for a path over HTTP on a connection of its own, and returns the body.
func Get(ctx context.Context, dial func(context.Context) (net.Conn, error), path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, errSilent
		}
		if dialled := (*net.OpError)(nil); errors.As(err, &dialled) {
			return nil, dialled.Err
		}
		if asked := (*url.Error)(nil); errors.As(err, &asked) {
			return nil, asked.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, mostReport))
}
