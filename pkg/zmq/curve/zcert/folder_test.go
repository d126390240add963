package zcert

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

func TestFolder(t *testing.T) {
	var web1, web2 curve.Key
	c := openClients(t, func(dir string) {
		web1 = client(t, dir+"/web1")
		mustDo(t, os.MkdirAll(dir+"/more/deep", 0o755))
		web2 = client(t, dir+"/more/deep/web2.pub")
		mustDo(t, newCertificate(t, "both").Save(dir+"/both", "a test"))
		write(t, dir+"/.hidden", "x", 0o644)
		client(t, dir+"/no_secret")
		mustDo(t, os.Mkdir(dir+"/folder"+Suffix, 0o755))
		client(t, dir+"/folder"+Suffix+"/x")
		mustDo(t, os.Symlink("more", dir+"/link")) // a second way to web2
		mustDo(t, os.Symlink("..", dir+"/more/up"))
		mustDo(t, syscall.Mkfifo(dir+"/pipe", 0o644))
	})
	c.want("both", "web1", "web2.pub")
	wantLine(t, c.log.String(), "allowed clients", "folder="+c.dir, "clients=3")
	wantLine(t, c.log.String(), "level=WARN", "file="+c.dir+"/more/deep/web2.pub", "same key as link/deep/web2.pub, which counts")
	if n := strings.Count(c.log.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, c.log.String())
	}
	if name, ok := c.Admit(web1); name != "web1" || !ok {
		t.Errorf("web1: %q, %v", name, ok)
	}
	if name, ok := c.Admit(web2); name != "web2.pub" || !ok {
		t.Errorf("web2: %q, %v", name, ok)
	}
	if _, ok := c.Admit(newCertificate(t, "").Public); ok {
		t.Error("a stranger may connect")
	}
	if log := c.reread(false); log != "" {
		t.Errorf("nothing has changed, and it logs: %s", log)
	}
}

func TestAddedRemovedEdited(t *testing.T) {
	c := openClients(t, func(dir string) { client(t, dir+"/web1") })
	client(t, c.dir+"/web2")
	wantLine(t, c.reread(true), "allowed clients have changed", "clients=2", `added="1: web2"`, "removed=0")
	c.want("web1", "web2")
	mustDo(t, os.Remove(c.dir+"/web1"))
	wantLine(t, c.reread(true), "clients=1", "added=0", `removed="1: web1"`)
	c.want("web2")
	mustDo(t, os.Remove(c.dir+"/web2"))
	log := c.reread(true)
	wantLine(t, log, "level=WARN", "no client is allowed", "folder="+c.dir)
	c.want()
	client(t, c.dir+"/web3")
	c.reread(true)
	c.want("web3")
}

// An edit in place is noticed even if size and time stay: nobody can set when the inode was last changed.
func TestEditInPlace(t *testing.T) {
	var before curve.Key
	c := openClients(t, func(dir string) { before = client(t, dir+"/web1") })
	path := c.dir + "/web1"
	c.reread(false)
	was, err := os.Stat(path)
	mustDo(t, err)
	time := was.ModTime()
	var after curve.Key
	for stamp, _, _ := stat(path); stamp == c.files["web1"].stamp; stamp, _, _ = stat(path) { // the clock may stand still
		after = client(t, path)
		mustDo(t, os.Chtimes(path, time, time))
	}
	if is, err := os.Stat(path); err != nil || !is.ModTime().Equal(time) || is.Size() != was.Size() {
		t.Fatalf("%v, %v", is, err)
	}
	wantLine(t, c.reread(true), `added="1: web1" removed="1: web1"`)
	if _, ok := c.Admit(before); ok {
		t.Error("the key before may connect")
	}
	if _, ok := c.Admit(after); !ok {
		t.Error("the new key may not connect")
	}
}

// What was read within the last moments is read again: a second change may have left the same stamp.
func TestChangedTwiceInAMoment(t *testing.T) {
	c := openClients(t, func(dir string) {})
	c.late = true
	client(t, c.dir+"/web1")
	c.reread(true)
	after := client(t, c.dir+"/web1")
	st, _, err := stat(c.dir + "/web1")
	mustDo(t, err)
	c.files["web1"].stamp = st
	c.reread(true)
	if _, ok := c.Admit(after); !ok {
		t.Error("the second change was missed")
	}
	c.late = false
	c.reread(false)
	again := client(t, c.dir+"/web1")
	st, _, err = stat(c.dir + "/web1")
	mustDo(t, err)
	c.files["web1"].stamp = st
	c.reread(false) // this is what a stamp is for
	if _, ok := c.Admit(again); ok {
		t.Error("a file whose stamp is the same was read again")
	}
}

// A file that is half written keeps what it was for a moment, or is no mistake yet; SIGHUP asks for no patience.
func TestHalfWritten(t *testing.T) {
	c := openClients(t, func(dir string) { client(t, dir+"/web1") })
	c.late = true
	c.reread(false)
	half := newCertificate(t, "web1").text("a test", time.Time{}, false)
	half = half[:len(half)-10]
	write(t, c.dir+"/web1", half, 0o644)
	write(t, c.dir+"/web2", half, 0o644)
	if log := c.reread(false); log != "" {
		t.Errorf("half a file is logged: %s", log)
	}
	c.want("web1")
	client(t, c.dir+"/web1")
	wantLine(t, c.reread(true), `added="1: web1" removed="1: web1"`)
	write(t, c.dir+"/web1", half, 0o644)
	c.reread(false)
	c.want("web1")
	c.log.Reset()
	if !c.Reread(true) {
		t.Error("the list has not changed")
	}
	c.want()
	for _, name := range []string{"web1", "web2"} {
		wantLine(t, c.log.String(), "level=WARN", "file="+c.dir+"/"+name, "line 10: the closing quote is missing")
	}
	c.late = false
	c.reread(false)
	client(t, c.dir+"/web1")
	c.reread(true)
	write(t, c.dir+"/web1", half, 0o644)
	wantLine(t, c.reread(true), "file="+c.dir+"/web1", "closing quote") // it stays like that
	c.want()
}

// Kubernetes swaps a link to a hidden folder to change all of a mounted secret's files at once.
func TestSymlinkSwap(t *testing.T) {
	c := openClients(t, func(dir string) {
		mustDo(t, os.Mkdir(dir+"/..1", 0o755))
		client(t, dir+"/..1/web1")
		client(t, dir+"/..1/web2")
		mustDo(t, os.Symlink("..1", dir+"/..data"))
		mustDo(t, os.Symlink("..data/web1", dir+"/web1"))
		mustDo(t, os.Symlink("..data/web2", dir+"/web2"))
	})
	c.want("web1", "web2")
	if strings.Contains(c.log.String(), "WARN") {
		t.Errorf("a problem: %s", c.log.String())
	}
	mustDo(t, os.Mkdir(c.dir+"/..2", 0o755))
	before, after := client(t, c.dir+"/..1/web1"), client(t, c.dir+"/..2/web1")
	client(t, c.dir+"/..2/web3")
	c.reread(true)
	mustDo(t, os.Symlink("..2", c.dir+"/..tmp"))
	mustDo(t, os.Rename(c.dir+"/..tmp", c.dir+"/..data"))
	mustDo(t, os.Remove(c.dir+"/web2"))
	mustDo(t, os.Symlink("..data/web3", c.dir+"/web3"))
	c.reread(true)
	c.want("web1", "web3")
	if _, ok := c.Admit(before); ok {
		t.Error("the key before may connect")
	}
	if _, ok := c.Admit(after); !ok {
		t.Error("the new key may not connect")
	}
	// A link that is the whole folder.
	whole, err := OpenFolder(c.dir+"/..data", slog.New(slog.DiscardHandler))
	if err != nil || whole.Len() != 2 {
		t.Fatal(err)
	}
	mustDo(t, os.Remove(c.dir+"/..data"))
	mustDo(t, os.Symlink("..1", c.dir+"/..data"))
	if _, ok := whole.Admit(before); !whole.Reread(true) || ok {
		t.Error("the swap was not noticed")
	}
	if _, ok := whole.Admit(before); !ok {
		t.Error("the swap has not changed the list")
	}
}

func TestTenThousand(t *testing.T) {
	t.Parallel()
	c := openClients(t, func(dir string) {
		for i := range 10_000 {
			client(t, fmt.Sprintf("%s/web%05d", dir, i))
		}
	})
	if c.Len() != 10_000 {
		t.Errorf("%d clients", c.Len())
	}
	c.reread(false)
	mustDo(t, os.Remove(c.dir+"/web05000"))
	wantLine(t, c.reread(true), "clients=9999", "removed=\"1: web05000\"")
	many := c.dir + ".many"
	mustDo(t, os.Rename(c.dir, many))
	mustDo(t, os.Mkdir(c.dir, 0o755))
	client(t, c.dir+"/web1")
	wantLine(t, c.reread(true), "clients=1", "removed=\"9999: web00000, web00001, web00002", "web00009, …")
}

func TestAnybody(t *testing.T) {
	if name, ok := (Anybody{}).Admit(curve.Key{1}); name != "" || !ok {
		t.Errorf("%q, %v", name, ok)
	}
}

// Watch looks every second, and at once after a signal. It calls changed after the list has changed, and ends with ctx.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := openClients(t, func(dir string) { client(t, dir+"/web1") })
		ctx, cancel := context.WithCancel(t.Context())
		hangups, ended := make(chan os.Signal), make(chan struct{})
		var changes []string
		began := time.Now()
		go func() {
			defer close(ended)
			c.Watch(ctx, hangups, func() { changes = append(changes, fmt.Sprint(c.Len(), time.Since(began))) })
		}()
		time.Sleep(1500 * time.Millisecond)
		client(t, c.dir+"/web2")
		time.Sleep(time.Second)
		client(t, c.dir+"/web3")
		hangups <- syscall.SIGHUP
		synctest.Wait()
		mustDo(t, os.Remove(c.dir+"/web1"))
		mustDo(t, os.Remove(c.dir+"/web2"))
		time.Sleep(10 * time.Second)
		cancel()
		<-ended
		if want := []string{"2 2s", "3 2.5s", "1 3.5s"}; !slices.Equal(changes, want) {
			t.Errorf("it has changed to %q, want %q", changes, want)
		}
		wantLine(t, c.log.String(), "level=INFO", "allowed clients read again", "clients=3")
	})
}

func BenchmarkReread(b *testing.B) {
	dir := b.TempDir()
	for i := range 10_000 {
		c, err := New(fmt.Sprint("web", i))
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(fmt.Sprintf("%s/web%05d", dir, i), []byte(c.text("", time.Time{}, false)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	f, err := OpenFolder(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	f.now = func() time.Time { return time.Now().Add(time.Hour) }
	f.Reread(true)
	b.ReportAllocs()
	for b.Loop() {
		f.Reread(false)
	}
}
