package redis_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// CLIENT gives the session its name and nothing else: it may be missing, renamed or forbidden. So may HELLO and PING.
func TestWithoutClient(t *testing.T) {
	t.Parallel()
	for _, program := range redistest.Programs(t) {
		for _, command := range []string{"client", "hello", "ping"} {
			t.Run(program+" without "+command, func(t *testing.T) {
				t.Parallel()
				server := redistest.StartProgram(t, program, "--rename-command", command, "")
				w, log := writer(t, to(server, "list=logs"), nil)
				want(t, "fates", store(t, w, numbered(alice, 1)), []string{"ok"})
				if text := log.String(); text != "" {
					t.Errorf("logged:\n%s", text)
				}
			})
			for _, subcommand := range []string{"", "|setname"} {
				if subcommand != "" && command != "client" {
					continue
				}
				t.Run(program+" forbids "+command+subcommand, func(t *testing.T) {
					t.Parallel()
					server := redistest.StartProgram(t, program)
					server.Do("acl", "setuser", "bob", "on", ">geheim", "~*", "&*", "+@all", "-"+command+subcommand)
					target := strings.Replace(to(server, "list=logs"), "//", "//bob@", 1)
					w, log := writer(t, target, func(c *redis.Config) { c.Password = "geheim" })
					want(t, "fates", store(t, w, numbered(alice, 1)), []string{"ok"})
					if text := log.String(); text != "" {
						t.Errorf("logged:\n%s", text)
					}
				})
			}
		}
	}
}

// The name is given where it may be.
func TestClientHasAName(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		store(t, w, numbered(alice, 1))
		if list := server.Do("client", "list").(string); !strings.Contains(list, "name=imzmq") {
			t.Errorf("no client is called imzmq:\n%s", list)
		}
	})
}

// fakeServer is a server that answers each command with what reply returns for its name.
func fakeServer(t *testing.T, reply func(command string) string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				for r := bufio.NewReader(conn); ; {
					name, err := readCommand(r)
					if err != nil {
						return
					}
					io.WriteString(conn, reply(name))
				}
			}()
		}
	}()
	return l.Addr().String()
}

// readCommand reads a command and returns its name.
func readCommand(r *bufio.Reader) (name string, err error) {
	var values, size int
	if _, err := fmt.Fscanf(r, "*%d\r\n", &values); err != nil {
		return "", err
	}
	for i := range values {
		if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
			return "", err
		}
		text := make([]byte, size+2)
		if _, err := io.ReadFull(r, text); err != nil {
			return "", err
		}
		if i == 0 {
			name = strings.ToLower(string(text[:size]))
		}
	}
	return name, nil
}

func check(t *testing.T, address string) (log string, err error) {
	t.Helper()
	target, err := redis.ParseTarget("redis://" + address + "?list=logs")
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{}
	err = redis.Check(t.Context(), redis.Config{Target: target, Logger: slog.New(slog.NewTextHandler(j, nil))})
	return j.String(), err
}

// A Redis that is older than docs/redis.md asks for is told at the start.
func TestOldRedis(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		info string
		old  bool
	}{
		{"redis_version:6.0.16", true}, {"redis_version:6.2.0", true}, {"redis_version:3.0.6", true},
		{"redis_version:7.0.0", false}, {"redis_version:10.1.0", false}, {"", false}, {"redis_version:unstable", false},
		{"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.0.1", false},
	} {
		text := "# Server\r\n" + c.info + "\r\nredis_mode:standalone\r\n"
		log, err := check(t, fakeServer(t, func(command string) string {
			switch command {
			case "info":
				return fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
			case "type":
				return "+none\r\n"
			case "ping":
				return "+PONG\r\n"
			}
			return "-ERR unknown command\r\n"
		}))
		if err != nil || strings.Contains(log, "is older than 7") != c.old {
			t.Errorf("%q: %v, logged:\n%s", c.info, err, log)
		}
	}
	for _, program := range redistest.Programs(t) {
		server := redistest.StartProgram(t, program)
		old := strings.Contains(server.Do("info", "server").(string), "redis_version:6.") // Debian 11
		if log, err := check(t, server.Addr()); err != nil || (log != "") != old {
			t.Errorf("%s: %v, logged:\n%s", program, err, log)
		}
	}
}

// What a server claims is not believed, and costs nothing.
func TestHostileReplies(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{
		fmt.Sprintf("$%d\r\n", int64(math.MaxInt64)), fmt.Sprintf("*%d\r\n", int64(math.MaxInt64)), "$18446744073709551615\r\n",
		"$99999999999\r\n", "*99999999999\r\n", strings.Repeat("*60000\r\n", 1000), "%99999999999\r\n",
		strings.Repeat("x", 1<<20), "+" + strings.Repeat("x", 1<<20) + "\r\n", "$-9223372036854775808\r\n", ":\r\n", "\r\n",
	} {
		address := fakeServer(t, func(string) string { return reply })
		if _, err := check(t, address); err == nil {
			t.Errorf("%.30q was accepted", reply)
		}
		w, log := writer(t, "redis://"+address+"?list=logs", nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := try(ctx, t, w, numbered(alice, 1))
			ended <- err
		}()
		eventually(t, "a reason", func() bool { return log.String() != "" })
		cancel()
		if err := <-ended; err == nil {
			t.Errorf("%.30q was taken for an answer", reply)
		}
	}
}
