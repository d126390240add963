package zcert

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// others reads files with libczmq and pyzmq.
type others struct {
	t       *testing.T
	stdin   io.Writer
	answers *json.Decoder
}

func startOthers(t *testing.T) *others {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "testdata/czmq.py")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("`integration/setup test` installs what is missing (python3-zmq, rsyslog-czmq): %v", err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait() //nolint:errcheck // what it said has been compared
	})
	return &others{t, stdin, json.NewDecoder(bufio.NewReader(stdout))}
}

// ask decodes what one of the functions in czmq.py says about a file. It has bytes as Latin-1.
func (o *others) ask(function, path string, answer any) {
	o.t.Helper()
	request, err := json.Marshal(map[string]string{"op": function, "path": path})
	if err == nil {
		_, err = fmt.Fprintf(o.stdin, "%s\n", request)
	}
	if err == nil {
		err = o.answers.Decode(answer)
	}
	if err != nil {
		o.t.Fatalf("no answer of libczmq and pyzmq; `integration/setup test` installs them (python3-zmq, rsyslog-czmq): %v", err)
	}
}

func latin1(text string) string {
	runes := make([]rune, 0, len(text))
	for _, c := range []byte(text) {
		runes = append(runes, rune(c))
	}
	return string(runes)
}

// czmqCertificate is what zcert_load has read.
type czmqCertificate struct {
	Public, Secret string
	Metadata       map[string]string
}

// What czmq and pyzmq have written, czmq reads as we do.
func TestFilesOfOthers(t *testing.T) {
	czmq := startOthers(t)
	for name, public := range map[string]string{
		"server": `rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7`, "client": `Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID`,
		"marks": `j{I@WCRyEXDPv+x[Dpp]W9sE*jkENhJcL27BNq?d`, "pyzmq.key": `[n.>dOp#=dsz@#eVTjv/L{kA2HkD3.5vjPPB^vb7`,
	} {
		for _, file := range []string{name, name + Suffix} {
			path := copied(t, file, 0o600)
			c, err := LoadPublic(path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				continue
			}
			var want czmqCertificate
			czmq.ask("certificate", path, &want)
			if c.Public.String() != public || public != want.Public {
				t.Errorf("%s: the public key %s; czmq: %s; want %s", path, c.Public, want.Public, public)
			}
			if secret := c.Pair; (secret != nil) != strings.HasSuffix(path, Suffix) || secret != nil && secret.SecretText() != want.Secret {
				t.Errorf("%s: another secret key than czmq's", path)
			}
			if got := metadataOf(c); !maps.Equal(got, want.Metadata) {
				t.Errorf("%s: %q, czmq: %q", path, got, want.Metadata)
			}
		}
	}
}

func metadataOf(c *Certificate) map[string]string {
	fields := map[string]string{}
	for _, f := range c.Metadata {
		fields[latin1(f.Name)] = latin1(f.Value)
	}
	return fields
}

// copied copies a file of testdata/zcert.
func copied(t *testing.T, name string, mode os.FileMode) string {
	t.Helper()
	text, err := os.ReadFile("../../../../testdata/zcert/" + name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	write(t, path, string(text), mode)
	return path
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// What Save writes, czmq, pyzmq and we read back, whatever the metadata.
func TestSavedFilesAreRead(t *testing.T) {
	czmq, folder := startOthers(t), t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 200 {
		c, err := New("")
		if err != nil {
			t.Fatal(err)
		}
		for i := range random.IntN(5) {
			c.Metadata = append(c.Metadata, Field{fmt.Sprintf("f%d%s", i, sample(random, "aZ9$-_@.&+")), sample(random, `aZ #=;:'/\ äß€😀%s%d{}`)})
		}
		path := filepath.Join(folder, fmt.Sprint(n))
		if err := c.Save(path, "a test"); err != nil {
			t.Fatal(err)
		}
		again, err := LoadSecret(path)
		if err != nil || again.Pair.SecretText() != c.Pair.SecretText() || again.Public != c.Public || !slices.Equal(again.Metadata, c.Metadata) {
			t.Fatalf("%q is read as %v, %v", c.Metadata, again, err)
		}
		var theirs czmqCertificate
		czmq.ask("certificate", path, &theirs)
		want := czmqCertificate{c.Public.String(), c.Pair.SecretText(), metadataOf(c)}
		if theirs.Public != want.Public || theirs.Secret != want.Secret || !maps.Equal(theirs.Metadata, want.Metadata) {
			t.Errorf("czmq reads the wrong thing from a file with %q", c.Metadata)
		}
		var public, both []*string
		czmq.ask("pyzmq", path, &public)
		czmq.ask("pyzmq", path+Suffix, &both)
		if *public[0] != want.Public || public[1] != nil || *both[0] != want.Public || *both[1] != want.Secret {
			t.Errorf("pyzmq reads the wrong thing from a file with %q", c.Metadata)
		}
	}
}

// sample returns up to 20 of the characters.
func sample(random *rand.Rand, from string) string {
	runes := []rune(from)
	out := make([]rune, random.IntN(20))
	for i := range out {
		out[i] = runes[random.IntN(len(runes))]
	}
	return string(out)
}

// Of any text, czmq reads the same items as we do, or refuses it as we do.
func TestGrammar(t *testing.T) {
	czmq := startOthers(t)
	path := filepath.Join(t.TempDir(), "zpl")
	random := rand.New(rand.NewPCG(3, 4))
	pieces := []string{"a", "name", "curve", "metadata", "    ", "        ", "  ", "\t", " ", "=", `"`, `'`, "#", "/", "\r", "\v", "$-_@.&+", "ä", "\n", "\n", "\n", "\n    ", "\n    b = ", ` = "c" # d`}
	accepted := 0
	for range 5000 {
		var text strings.Builder
		for range 1 + random.IntN(12) {
			text.WriteString(pieces[random.IntN(len(pieces))])
		}
		write(t, path, text.String(), 0o600)
		var theirs [][3]any
		czmq.ask("tree", path, &theirs)
		items, err := parseZPL(text.String())
		if (err != nil) != (theirs == nil) {
			t.Errorf("%q: %v; czmq: %v", text.String(), err, theirs)
			continue
		}
		same := len(items) == len(theirs)
		for i := 0; same && i < len(items); i++ {
			value := theirs[i][2].(string)
			if strings.HasPrefix(value, "#") && items[i].value == "" {
				value = "" // czmq takes the comment for the value where there is none: "name = # comment"
			}
			same = float64(items[i].level) == theirs[i][0] && latin1(items[i].name) == theirs[i][1] && latin1(items[i].value) == value
		}
		if !same {
			t.Errorf("%q: %v; czmq: %v", text.String(), items, theirs)
		}
		if err == nil && len(items) > 0 {
			accepted++
		}
	}
	if accepted < 100 {
		t.Errorf("only %d texts had items", accepted)
	}
}
