package flags

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve/zcert"
)

// --curve-keygen makes two files, overwrites none, and says what they are for in a few lines, none of them secret.
func TestKeygen(t *testing.T) {
	folder := t.TempDir()
	generate := func(name string, more ...string) (string, error) {
		c, out := &Common{}, &bytes.Buffer{}
		err := c.Parse(NewSet(Program{Name: "p"}, c), "1.2", append([]string{"--curve-keygen", filepath.Join(folder, name)}, more...), out)
		return out.String(), err
	}
	for name, more := range map[string][]string{"web1": {"--name", "web 1"}, "anonymous": nil} {
		out, err := generate(name, more...)
		if err != ErrHelp {
			t.Fatal(err)
		}
		made, err := zcert.LoadSecret(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if made.Name() != map[bool]string{true: "web 1"}[more != nil] {
			t.Errorf("%s has the name %q", name, made.Name())
		}
		if !strings.HasPrefix(out, "public key: "+made.Public.String()+"\n") || strings.Count(out, "\n") != 3 ||
			strings.Contains(out, made.Pair.SecretText()) {
			t.Errorf("it prints %s", out)
		}
		_, err = generate(name)
		if err == nil || !strings.Contains(err.Error(), name+" exists: a key is not overwritten") {
			t.Error(err)
		}
		if again, err := zcert.LoadSecret(filepath.Join(folder, name)); err != nil || again.Public != made.Public {
			t.Errorf("it was overwritten: %v", err)
		}
	}
	_, err := generate("other", "--name", "a\"b")
	wantUsageError(t, err, "--name: a value cannot have a \" in it")
	if _, err := os.Stat(filepath.Join(folder, "other")); err == nil {
		t.Error("a file was written")
	}
}
