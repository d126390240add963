package zcert

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// A bad file costs only itself, and one line.
func TestBadFiles(t *testing.T) {
	c := openClients(t, func(dir string) {
		client(t, dir+"/a")
		text, err := os.ReadFile(dir + "/a")
		mustDo(t, err)
		write(t, dir+"/a.bak", string(text), 0o644)
		write(t, dir+"/b", string(text)+"oops!\n", 0o644)
		write(t, dir+"/empty", "", 0o644)
		write(t, dir+"/long", strings.Repeat("x", MaxSize+1), 0o644)
		write(t, dir+"/secret", asBoth, 0o644)
		write(t, dir+"/zeros", "curve\n    public-key = "+zeros, 0o644)
		mustDo(t, os.Symlink("nowhere", dir+"/dangling"))
		client(t, dir+"/z")
	})
	for file, problem := range map[string]string{
		"a.bak": "it has the same key as a, which counts", "b": "line 11: write NAME", "empty": "it is no certificate",
		"long": "problem=\"has 65537 bytes", "secret": "it counts, but it holds the client's secret key", "zeros": "line 2: public-key: a key that protects nothing",
		"dangling": "a link that leads nowhere",
	} {
		wantLine(t, c.log.String(), "level=WARN", "file="+c.dir+"/"+file+" ", problem)
	}
	c.want("", "a", "z")
	if strings.Contains(c.log.String(), secret) {
		t.Error("a secret key is logged")
	}
	if log := c.reread(false); log != "" {
		t.Errorf("it is logged again: %s", log)
	}
	mustDo(t, os.Remove(c.dir+"/a"))
	c.reread(false) // it is in a.bak as well
	c.want("", "a", "z")
	mustDo(t, os.Remove(c.dir+"/a.bak"))
	c.reread(true)
	c.want("", "z")
}

func TestManyProblems(t *testing.T) {
	c := openClients(t, func(dir string) {
		for i := range 100 {
			write(t, fmt.Sprintf("%s/%03d", dir, i), "?", 0o644)
		}
	})
	wantLine(t, c.log.String(), "more certificates", "files=80")
	if n := strings.Count(c.log.String(), "line 1: write NAME"); n != maxLines {
		t.Errorf("%d lines", n)
	}
}

// A folder that is gone, or cannot be read, leaves the list as it was: nobody is let in or sent away for that.
func TestVanished(t *testing.T) {
	c := openClients(t, func(dir string) { client(t, dir+"/web1") })
	away := c.dir + ".away"
	for _, stand := range []func(){
		func() {},
		func() { write(t, c.dir, "a file", 0o644) },
		func() { mustDo(t, os.Symlink(c.dir, c.dir)) },
	} {
		mustDo(t, os.Rename(c.dir, away))
		stand()
		wantLine(t, c.reread(false), "level=ERROR", "cannot be read: the list stays as it was", c.dir)
		c.want("web1")
		if log := c.reread(false); log != "" {
			t.Errorf("it is logged again: %s", log)
		}
		mustDo(t, os.RemoveAll(c.dir))
		mustDo(t, os.Rename(away, c.dir))
		wantLine(t, c.reread(false), "level=INFO", "can be read again")
		c.want("web1")
	}
	if _, err := OpenFolder(away, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("at the start: %v", err)
	}
	if _, err := OpenFolder(c.dir+"/web1", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "put the public certificates of the clients into one") {
		t.Errorf("a file: %v", err)
	}
}

// A folder on another device that is empty is where something was mounted. Here a link takes the place of the mount.
func TestUnmounted(t *testing.T) {
	shm, err := os.MkdirTemp("/dev/shm", "zcert")
	mustDo(t, err)
	defer os.RemoveAll(shm)
	c := openClients(t, func(dir string) { client(t, dir+"/web1") })
	here := c.dir + ".here"
	mustDo(t, os.Rename(c.dir, here))
	if was, is := device(t, here), device(t, shm); was == is {
		t.Fatal("the test's folder and /dev/shm are on one device")
	}
	mustDo(t, os.Symlink(shm, c.dir))
	wantLine(t, c.reread(false), "level=ERROR", "empty and on another device than before", "list stays as it was")
	c.want("web1")
	client(t, shm+"/web2")
	wantLine(t, c.reread(true), "removed=\"1: web1\"")
	c.want("web2")
	mustDo(t, os.Remove(shm+"/web2")) // on the same device it is meant
	wantLine(t, c.reread(true), "no client is allowed")
	c.want()
}

func device(t *testing.T, path string) uint64 {
	t.Helper()
	st, _, err := stat(path)
	mustDo(t, err)
	return st.device
}

// A file or subfolder that cannot be read stays as it was, and all else changes. Here a loop of links is what cannot be
// read, because root reads files of any mode.
func TestUnreadable(t *testing.T) {
	c := openClients(t, func(dir string) {
		client(t, dir+"/web1")
		mustDo(t, os.Mkdir(dir+"/sub", 0o755))
		client(t, dir+"/sub/web2")
		client(t, dir+"/web3")
		mustDo(t, os.Symlink("loop", dir+"/loop"))
	})
	wantLine(t, c.log.String(), "level=WARN", "file="+c.dir+"/loop", "too many levels of symbolic links")
	mustDo(t, os.RemoveAll(c.dir+"/sub"))
	mustDo(t, os.Symlink("sub", c.dir+"/sub"))
	mustDo(t, os.Remove(c.dir+"/web1"))
	mustDo(t, os.Symlink("web1", c.dir+"/web1"))
	mustDo(t, os.Remove(c.dir+"/web3"))
	log := c.reread(true)
	wantLine(t, log, "removed=\"1: web3\"")
	wantLine(t, log, "file="+c.dir+"/web1", "what it was before counts")
	wantLine(t, log, "file="+c.dir+"/sub ", "what was below it before counts")
	c.want("web1", "web2")
	if log := c.reread(false); log != "" {
		t.Errorf("it is logged again: %s", log)
	}
	mustDo(t, os.Remove(c.dir+"/web1"))
	mustDo(t, os.Remove(c.dir+"/sub"))
	c.reread(true)
	c.want()
}

func TestDepth(t *testing.T) {
	c := openClients(t, func(dir string) {
		deep := dir
		for range maxDepth {
			client(t, deep+"/a")
			deep += "/d"
			mustDo(t, os.Mkdir(deep, 0o755))
		}
		client(t, deep+"/too-deep")
	})
	wantLine(t, c.log.String(), "level=WARN", "it is not read: it is more than 16 folders deep")
	if c.Len() != maxDepth {
		t.Errorf("%d clients", c.Len())
	}
}

// Too many files are an error rather than a part of the list.
func TestTooManyFiles(t *testing.T) {
	c := openClients(t, func(dir string) { client(t, dir+"/web1") })
	mustDo(t, os.Mkdir(c.dir+"/sub", 0o755))
	c.limit = 4
	client(t, c.dir+"/sub/.web2")
	client(t, c.dir+"/sub/web2")
	c.reread(true)
	client(t, c.dir+"/sub/web3")
	wantLine(t, c.reread(false), "level=ERROR", "too many files: more than 4", "list stays as it was")
	c.want("web1", "web2")
}
