package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// bearer sends a token with each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

const acmeToken, opsToken = "0123456789abcdef-acme", "0123456789abcdef-ops"

// Each tenant of serve and hub sees its own topics, until its token is removed from the file.
func TestTenants(t *testing.T) {
	for _, command := range [][]string{{"serve"}, {"hub", "--in-connect"}} {
		t.Run(command[0], func(t *testing.T) {
			t.Parallel()
			tokens := filepath.Join(t.TempDir(), "tokens")
			write := func(text string) {
				t.Helper()
				if err := os.WriteFile(tokens+".new", []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(tokens+".new", tokens); err != nil {
					t.Fatal(err)
				}
			}
			write("acme " + acmeToken + " t acme/\nops " + opsToken + " *\n")
			pub, at := publishing(t)
			p := launch(t, append(command, at, "--http", "127.0.0.1:0", "--http-tokens", tokens)...)
			url := p.logged(`msg=serving at=(\S+)`) + "stream"
			acme, ops := &http.Client{Transport: bearer(acmeToken)}, &http.Client{Transport: bearer(opsToken)}
			own, all := follow(t, acme, url+"?grep=x"), follow(t, ops, url+"?grep=x")
			publish(t, pub, follow(t, acme, url))
			for range 2 {
				pub.Publish([]byte("beta/"), []byte("beta/x"))
				pub.Publish([]byte("acme/"), []byte("acme/x"))
				pub.Flush()
				gets(t, all, "beta/x")
				gets(t, all, "acme/x")
				gets(t, own, "acme/x")
			}
			refused(t, http.DefaultClient, url, http.StatusUnauthorized)
			refused(t, acme, url+"?topic=beta/", http.StatusForbidden)
			p.signal(syscall.SIGHUP) // it does not end
			write("acme malformed\n")
			p.logged(`the file of tokens cannot be used; what it said before stays in use" .*reason="line 1: write NAME TOKEN`)
			write("ops " + opsToken + " *\n")
			gets(t, own, "zmqtap: this token is no longer valid: the stream ends here")
			ended(t, own)
			pub.Publish([]byte("t"), []byte("still x"))
			pub.Flush()
			gets(t, all, "still x")
			p.signal(syscall.SIGTERM)
			ended(t, all)
			p.exits(0)
			if log := p.log(); strings.Contains(log, "0123456789") || !strings.Contains(log, "tokens=1 removed=1 changed=0") {
				t.Error(log)
			}
		})
	}
}

func gets(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	if got := next(t, lines); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func refused(t *testing.T, client *http.Client, url string, want int) {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != want {
		t.Errorf("%s: %s, want %d", url, answer.Status, want)
	}
}
