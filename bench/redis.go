package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// list is the key of the list that receives all messages.
const list = "messages"

// omhiredis measures rsyslogd with its own Redis output. It pushes one message with each command and reads a
// batch's replies after it has sent the whole batch. Its queue is filled while redis-server is stopped, so
// that the first batch waits. The CPU time is that of rsyslogd's output side (see outputCPU).
func (b *omprogBench) omhiredis(n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		server, err := startRedis(ctx, place)
		defer server.stop()
		if err != nil {
			return sample{}, err
		}
		r, err := b.startFrozen(ctx, n, place, server.cmd, `module(load="omhiredis")`, fmt.Sprintf(
			`type="omhiredis" server="127.0.0.1" serverport="%d" mode="queue" key="%s" template="bare"`, server.port, list))
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		s, err := server.count(ctx, n, r.output())
		s.CPU = r.outputCPU() / float64(n) * 1e6
		return s, r.complaint(err)
	}
}

// storedInRedis measures omzmq under the same rsyslogd, and imzmq --to redis. The CPU time is omzmq's.
func (b *omprogBench) storedInRedis(n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		server, i, err := b.startIntoRedis(ctx, place)
		defer server.stop()
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		return b.through(ctx, n, place, b.omzmq(i), func(r *rsyslogd) (sample, error) {
			return server.count(ctx, n, r.output(), r.program(), of("imzmq", i.cmd))
		})
	}
}

// fromFile measures imzmq --to redis. An omzmq whose replies are not read sends the lines of a file to one of
// imzmq's sockets. The CPU time is imzmq's.
func (b *omprogBench) fromFile(n int, socket, sender string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		server, i, err := b.startIntoRedis(ctx, placement{}, "--socket", socket)
		defer server.stop()
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		return b.feedFiles(ctx, i, n, 1, placement{}, sender, func(omzmq, imzmq process) (sample, error) {
			return server.count(ctx, n, omzmq, imzmq)
		})
	}
}

// feedFiles sends n lines, which are shared out to files, with an omzmq for each, whose replies are not read. It
// measures where arrives looks. The CPU time is imzmq's.
func (b *omprogBench) feedFiles(ctx context.Context, i *imzmq, n, files int, place placement, sender string,
	arrives func(omzmq, imzmq process) (sample, error)) (sample, error) {
	var senders, running []*exec.Cmd
	for k := range files {
		file, err := linesFile(filepath.Join(i.dir, fmt.Sprintf("lines-%d", k)), n*k/files, n*(k+1)/files)
		if err != nil {
			return sample{}, err
		}
		defer file.Close()
		omzmq := command(ctx, place.program, strings.Fields(b.omzmq(i)+" --log-level error "+sender)...)
		omzmq.Stdin, omzmq.Stderr = file, os.Stderr
		senders = append(senders, omzmq)
	}
	defer func() {
		for _, omzmq := range running {
			omzmq.Process.Kill() // it has ended, unless there was an error
			omzmq.Wait()         // its CPU time can be read until then; arrives notices what it did not deliver
		}
	}()
	for _, omzmq := range senders {
		if err := omzmq.Start(); err != nil {
			return sample{}, err
		}
		running = append(running, omzmq)
	}
	receiver := of("imzmq", i.cmd)
	s, err := arrives(together("omzmq", func() (pids []string) {
		for _, omzmq := range running {
			pids = append(pids, fmt.Sprint(omzmq.Process.Pid))
		}
		return pids
	}), receiver)
	if err != nil {
		return sample{}, err
	}
	cpu, err := receiver.cpu()
	s.CPU = cpu / float64(n) * 1e6
	return s, err
}

// linesFile makes a file of the messages from one number to before another, and opens it for reading.
func linesFile(name string, from, to int) (*os.File, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := writeLinesFrom(file, from, to, messageSize); err != nil {
		return nil, err
	}
	return os.Open(name)
}

// redisBenchmark measures redis-server alone with redis-benchmark, which keeps commands of one message each in
// flight on the given number of connections.
func redisBenchmark(n, connections, commands int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		server, err := startRedis(ctx, placement{})
		defer server.stop()
		if err != nil {
			return sample{}, err
		}
		load, err := watch([]process{of("redis-server", server.cmd)})
		if err != nil {
			return sample{}, err
		}
		out, err := exec.CommandContext(ctx, "redis-benchmark", "-p", fmt.Sprint(server.port), "-c", fmt.Sprint(connections),
			"-P", fmt.Sprint(commands), "-n", fmt.Sprint(n), "--csv", "rpush", list, strings.Repeat("x", messageSize)).Output()
		if err != nil {
			return sample{}, fmt.Errorf("redis-benchmark: %w", err)
		}
		usage, err := load.usage(n)
		if err != nil {
			return sample{}, err
		}
		rate, err := requestsPerSecond(out)
		return sample{Rate: rate, Usage: usage}, err
	}
}

// requestsPerSecond finds the rate in what redis-benchmark --csv prints: the second field of the last line.
func requestsPerSecond(out []byte) (float64, error) {
	lines := csv.NewReader(bytes.NewReader(out))
	lines.FieldsPerRecord = -1
	records, err := lines.ReadAll()
	if err != nil || len(records) == 0 || len(records[len(records)-1]) < 2 {
		return 0, fmt.Errorf("redis-benchmark prints %q and no rate", out)
	}
	return strconv.ParseFloat(records[len(records)-1][1], 64)
}

// startIntoRedis starts redis-server, and an imzmq with more arguments that stores in its list. The caller
// stops both results, even after an error.
func (b *omprogBench) startIntoRedis(ctx context.Context, place placement, args ...string) (*redisServer, *imzmq, error) {
	server, err := startRedis(ctx, place)
	if err != nil {
		return server, &imzmq{}, err
	}
	to := fmt.Sprintf("redis://127.0.0.1:%d/0?list=%s", server.port, list)
	i, err := b.startIMZMQ(ctx, place, append(args, "--to", to)...)
	return server, i, err
}

// redisServer is a running redis-server in a folder of its own. It writes nothing to disk.
type redisServer struct {
	dir  string
	port int
	cmd  *exec.Cmd
	conn net.Conn
	in   *bufio.Reader
}

// startRedis starts redis-server on a free port, on the programs' CPUs. The caller stops the result, even
// after an error.
func startRedis(ctx context.Context, place placement, more ...string) (*redisServer, error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	if err != nil {
		return &redisServer{}, err
	}
	s := &redisServer{dir: dir}
	if s.port, err = freePort(); err != nil {
		return s, err
	}
	log := filepath.Join(dir, "log")
	args := append(place.prefix(place.program), "redis-server", "--bind", "127.0.0.1", "--port", fmt.Sprint(s.port),
		"--dir", dir, "--logfile", log, "--save", "", "--appendonly", "no")
	args = append(args, more...)
	s.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	if err := s.cmd.Start(); err != nil {
		return s, err
	}
	for range 500 {
		if s.conn, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err == nil {
			s.in = bufio.NewReader(s.conn)
			return s, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	said, _ := os.ReadFile(log)
	return s, fmt.Errorf("redis-server does not answer: %w\n%s", err, said)
}

// stop ends redis-server and removes its folder.
func (s *redisServer) stop() {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.cmd != nil && s.cmd.Process != nil {
		s.cmd.Process.Kill() // nothing needs saving
		s.cmd.Wait()
	}
	os.RemoveAll(s.dir)
}

// count polls the list until it holds n messages. It measures the rate, and how busy redis-server and the
// other processes are, from the first poll that finds a message.
func (s *redisServer) count(ctx context.Context, n int, others ...process) (sample, error) {
	const interval = 2 * time.Millisecond // between polls
	var since *load
	first := 0
	for ; ; time.Sleep(interval) {
		length, err := s.length()
		switch {
		case err != nil:
			return sample{}, fmt.Errorf("%w (%w)", err, ctx.Err()) // when ctx ends, so does redis-server
		case since == nil && length > 0:
			if since, err = watch(append([]process{of("redis-server", s.cmd)}, others...)); err != nil {
				return sample{}, err
			}
			first = length
		case length >= n:
			rate := float64(n-first) / time.Since(since.since).Seconds()
			usage, err := since.usage(n - first)
			return sample{Rate: rate, Usage: usage}, err
		}
	}
}

// length returns how many messages the list holds.
func (s *redisServer) length() (n int, err error) {
	if _, err := fmt.Fprintf(s.conn, "LLEN %s\r\n", list); err != nil {
		return 0, err
	}
	line, err := s.in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(line, ":%d", &n); err != nil {
		return 0, fmt.Errorf("redis-server answers LLEN with %q", line)
	}
	return n, nil
}
