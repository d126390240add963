package running

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// group is a test's own group: other tests, and programs, may run at the same time.
func group(t *testing.T) string { return fmt.Sprintf("%s-%d", t.Name(), os.Getpid()) }

func TestPlaces(t *testing.T) {
	at := func() (close func() error, n Name) {
		l, n, err := Listen("omzmq", group(t))
		if err != nil {
			t.Fatal(err)
		}
		return l.Close, n
	}
	closeFirst, first := at()
	closeSecond, second := at()
	defer closeSecond()
	if first.Place != 1 || second.Place != 2 {
		t.Fatalf("places %d and %d", first.Place, second.Place)
	}
	names := found(t)
	if i := slices.Index(names, first); i < 0 || i+1 == len(names) || names[i+1] != second {
		t.Errorf("found %v", names)
	}
	closeFirst()
	if names := found(t); slices.Contains(names, first) {
		t.Errorf("found %v, which is closed", first)
	}
	closeThird, third := at()
	defer closeThird()
	if third != first {
		t.Errorf("the place that is free is not taken, but %v", third)
	}
}

func found(t *testing.T) []Name {
	names, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestDial(t *testing.T) {
	l, n, err := Listen("imzmq", group(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Write([]byte("hello\n")) //nolint:errcheck // the test reads it
			conn.Close()
		}
	}()
	conn, err := Dial(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, _ := bufio.NewReader(conn).ReadString('\n'); line != "hello\n" {
		t.Errorf("read %q", line)
	}
	n.Place++
	if _, err := Dial(t.Context(), n); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("where nobody listens: %v", err)
	}
}

// Another user listens at a name that says it is ours, and asks a program of ours. Both get nothing. Only root can try.
func TestOtherUser(t *testing.T) {
	name := Name{Program: "omzmq", User: os.Geteuid(), Group: "stranger", Place: os.Getpid()}
	if text := os.Getenv("STRANGER"); text != "" {
		stranger(text)
		return
	}
	if os.Geteuid() != 0 {
		name.User++
		if _, err := Dial(t.Context(), name); err != ErrForbidden {
			t.Errorf("asking another user's program: %v", err)
		}
		return
	}
	l, ours, err := Listen("omzmq", group(t))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan error, 1)
	go func() {
		_, err := l.Accept() // it lets nobody in, and returns when the listener is closed
		accepted <- err
	}()
	// "/proc/self/exe" cannot be run by another user from a folder of ours: the test's file is copied to an open
	// descriptor.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	child := exec.Command("/proc/self/fd/3", "-test.run=^TestOtherUser$")
	child.ExtraFiles = []*os.File{self}
	child.Env = append(os.Environ(), "STRANGER="+name.String()+" "+ours.String())
	child.Dir = "/"
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, Pdeathsig: syscall.SIGKILL}
	in, _ := child.StdinPipe()
	out, _ := child.StdoutPipe()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait() //nolint:errcheck // it is told to end
	defer in.Close()
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "asked: EOF\n" {
		t.Errorf("the stranger says %q", line)
	}
	if _, err := Dial(t.Context(), name); err == nil || !strings.Contains(err.Error(), "another user") {
		t.Errorf("a stranger at root's name: %v", err)
	}
	l.Close()
	if err := <-accepted; err == nil {
		t.Error("the stranger was let in")
	}
}

// stranger listens at one name, asks at another, says how that went, and stays until its standard input ends.
func stranger(names string) {
	theirs, ours, _ := strings.Cut(names, " ")
	l, err := net.Listen("unix", theirs)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	fmt.Println("asked:", readFrom(ours))
	bufio.NewReader(os.Stdin).ReadString('\n') //nolint:errcheck // its end is what is waited for
}

// readFrom connects to a name, and returns how reading from it ends.
func readFrom(name string) error {
	conn, err := net.Dial("unix", name)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err = conn.Read(make([]byte, 1))
	return err
}

func TestParse(t *testing.T) {
	for text, ok := range map[string]bool{
		"@rsyslog-zeromq/omzmq/0/-/1":            true,
		"@rsyslog-zeromq/omzmq/4294967296/-/1":   false,
		"@rsyslog-zeromq/omzmq/0/-/01":           false,
		"@rsyslog-zeromq/omzmq/0/-/1/2":          false,
		"@rsyslog-zeromq//0/-/1":                 false,
		"@rsyslog/omzmq/0/-/1":                   false,
		"@rsyslog-zeromq/omzmq/-1/-/1":           false,
		"@rsyslog-zeromq/omzmq/0//1":             false,
		"@rsyslog-zeromq/../../etc/passwd/0/-/1": false,
	} {
		if _, got := Parse(text); got != ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestFindInList(t *testing.T) {
	const list = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 14541 @rsyslog-zeromq/omzmq/0/-/10
0000000000000000: 00000002 00000000 00010000 0001 01 14542 @rsyslog-zeromq/omzmq/0/-/2
0000000000000000: 00000003 00000000 00000000 0001 03 14543 @rsyslog-zeromq/omzmq/0/-/3
0000000000000000: 00000002 00000000 00010000 0001 01 14544 /run/x
0000000000000000: 00000002 00000000 00010000 0001 01 14545
garbage`
	names, err := find(strings.NewReader(list))
	if err != nil || len(names) != 2 || names[0].Place != 2 || names[1].Place != 10 {
		t.Errorf("%v, %v", names, err)
	}
}
