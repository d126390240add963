package integration

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// toRelp is a sending side with rsyslog's own omrelp, retried forever. The caller adds further options.
func toRelp(port, options string) string {
	return `
module(load="omrelp")
ruleset(name="in" queue.type="Direct") { ` + relpAction("omrelp", port, options) + ` }
`
}

// relpAction is one action of it. The template ends with a line feed, which is not part of the message.
func relpAction(name, port, options string) string {
	return fmt.Sprintf(`action(name="%s" type="omrelp" target="127.0.0.1" port="%s" template="raw"
	action.resumeRetryCount="-1" action.resumeInterval="1" queue.timeoutEnqueue="600000" queue.lightDelayMark="0" %s)
`, name, port, options)
}

// intake is an omzmq that takes messages from omrelp. It can be started again at the same port.
type intake struct {
	*process
	port  string
	flags []string
	words *log // stderr of all processes that ran here
}

// startIntake starts omzmq with the given flags and --relp, and waits until it listens.
func startIntake(t *testing.T, flags ...string) *intake {
	t.Helper()
	port := freePort(t)
	k := &intake{port: port, flags: append([]string{"--relp", "127.0.0.1:" + port}, flags...), words: new(log)}
	k.again(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the omzmqs at port %s wrote to stderr:\n%s", port, tail(k.words.String(), 8000))
		}
	})
	return k
}

// again starts omzmq once more, after the one before has ended.
func (k *intake) again(t *testing.T) {
	t.Helper()
	cmd := exec.Command(program("omzmq"), k.flags...)
	cmd.Stderr = k.words
	k.process = start(t, "omzmq", cmd)
	k.process.stderr = k.words
	eventually(t, patience, "omzmq listens", func() bool { return listens(k.pid(), k.port) || !k.running() })
	if !k.running() {
		t.Fatalf("omzmq has ended with %d", k.exit(t))
	}
}

// relpClient is a client of RELP with which a test says what it wants, and counts what it is told.
type relpClient struct {
	net.Conn
	next    int           // transaction number
	answers chan relpTold // closed when the connection ends
}

// relpTold is a frame from the server.
type relpTold struct {
	txnr int
	text string // "" of an answer to close; "serverclose"
}

// dialRelp connects and opens a session.
func dialRelp(t *testing.T, port string) *relpClient {
	t.Helper()
	c := connectRelp(t, port)
	c.say(t, "open", "relp_version=0\nrelp_software=test\ncommands=syslog")
	if a := c.told(t); a.txnr != 1 || a.text[:6] != "200 OK" {
		t.Fatalf("the session is not opened: %+v", a)
	}
	return c
}

// connectRelp connects, and no more.
func connectRelp(t *testing.T, port string) *relpClient {
	t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &relpClient{Conn: conn, next: 1, answers: make(chan relpTold, 1<<17)}
	go func() {
		defer close(c.answers)
		eachFrame(conn, func(f relp.Frame, _ []byte) error { //nolint:errcheck // the end of the connection
			text := string(f.Data)
			if string(f.Command) != "rsp" {
				text = string(f.Command)
			}
			c.answers <- relpTold{f.Txnr, text}
			return nil
		})
	}()
	return c
}

// say sends a command with the next transaction number, which it returns.
func (c *relpClient) say(t *testing.T, command, data string) int {
	t.Helper()
	n := c.next
	c.next++
	if _, err := c.Write(relp.AppendFrame(nil, n, command, []byte(data))); err != nil {
		t.Fatal(err)
	}
	return n
}

// post sends messages, and returns the number of the first one.
func (c *relpClient) post(t *testing.T, messages ...string) int {
	t.Helper()
	first := c.next
	var frames []byte
	for _, m := range messages {
		frames = relp.AppendFrame(frames, c.next, "syslog", []byte(m))
		c.next++
	}
	if _, err := c.Write(frames); err != nil {
		t.Fatal(err)
	}
	return first
}

// told waits for the next frame from the server.
func (c *relpClient) told(t *testing.T) relpTold {
	t.Helper()
	select {
	case a, open := <-c.answers:
		if !open {
			t.Fatal("the session has ended")
		}
		return a
	case <-time.After(patience):
		t.Fatal("no answer")
		return relpTold{}
	}
}

// confirmed waits for 200 OK to n messages, the first of which has the given number, in order.
func (c *relpClient) confirmed(t *testing.T, first, n int) {
	t.Helper()
	for i := range n {
		if a := c.told(t); a.txnr != first+i || a.text != "200 OK" {
			t.Fatalf("told %+v, want 200 OK to %d", a, first+i)
		}
	}
}

// ended waits until the server has ended the session, and returns what it said before.
func (c *relpClient) ended(t *testing.T) (told []relpTold) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case a, open := <-c.answers:
			if !open {
				c.Close()
				return told
			}
			told = append(told, a)
		case <-deadline:
			t.Fatal("the session goes on")
		}
	}
}

// close ends the session as omrelp does.
func (c *relpClient) close(t *testing.T) {
	t.Helper()
	n := c.say(t, "close", "")
	if a := c.told(t); a != (relpTold{n, ""}) {
		t.Fatalf("close was answered %+v", a)
	}
}
