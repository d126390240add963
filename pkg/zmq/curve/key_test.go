package curve

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// weakKeys are the points of low order of Curve25519, in all the ways of writing them (RFC 7748, section 6.1).
var weakKeys = []string{
	strings.Repeat("00", 32),
	"01" + strings.Repeat("00", 31),
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ec" + strings.Repeat("ff", 30) + "7f",
	"ed" + strings.Repeat("ff", 30) + "7f",
	"ee" + strings.Repeat("ff", 30) + "7f",
}

func hexKey(t testing.TB, text string) (k Key) {
	t.Helper()
	if n, err := hex.Decode(k[:], []byte(text)); err != nil || n != KeySize {
		t.Fatal(n, err)
	}
	return k
}

func TestKeys(t *testing.T) {
	tests := []struct{ secret, public string }{
		{clientSecret, clientPublic},
		{serverSecret, serverPublic},
	}
	for _, test := range tests {
		p := parseSecret(t, test.secret)
		if p.Public.String() != test.public || p.SecretText() != test.secret {
			t.Errorf("the secret key %s has the public one %s", p.SecretText(), p.Public)
		}
		k := parseKey(t, test.public)
		if !k.Equal(p.Public) || k.String() != test.public {
			t.Errorf("%s is %s", test.public, k)
		}
		for i := range k {
			other := k
			if other[i] ^= 1; k.Equal(other) {
				t.Errorf("byte %d is not compared", i)
			}
		}
	}
}

func TestKeysRefused(t *testing.T) {
	long := strings.Repeat("HelloWorld", 1<<20)
	tests := map[string]string{
		"empty": "", "39 characters": clientPublic[1:], "41 characters": clientPublic + "0", "35 characters": clientPublic[:35],
		"45 characters": clientPublic + "00000", "space before": " " + clientPublic[1:], "quotes": `"` + clientPublic[2:] + `"`,
		"line feed": clientPublic[:39] + "\n", "beyond 32 bits": clientPublic[:35] + "#####", "NUL": clientPublic[:39] + "\x00",
		"hexadecimal": hexClientPublic, "10 MiB": long, "20 letters of 2 bytes": strings.Repeat("é", 20),
	}
	for name, text := range tests {
		for what, parse := range map[string]func() error{
			"public": func() error { _, err := ParseKey(text); return err },
			"secret": func() error { _, err := ParseSecret(text); return err },
		} {
			err := parse()
			if err == nil {
				t.Errorf("%s: taken for a %s key", name, what)
			} else if len(text) > 8 && strings.Contains(err.Error(), text[:8]) || len(err.Error()) > 150 {
				t.Errorf("%s: the error of a %s key repeats it: %.200v", name, what, err)
			}
		}
	}
}

func TestWeakKeysRefused(t *testing.T) {
	for _, text := range weakKeys {
		k := hexKey(t, text)
		if _, err := ParseKey(k.String()); !errors.Is(err, ErrWeakKey) {
			t.Errorf("%s: %v", text, err)
		}
		k[KeySize-1] |= 0x80
		if _, err := ParseKey(k.String()); err == nil {
			t.Errorf("%s with its last bit set was accepted", text)
		}
	}
	k := parseKey(t, clientPublic)
	k[KeySize-1] |= 0x80
	if _, err := ParseKey(k.String()); err == nil || errors.Is(err, ErrWeakKey) {
		t.Errorf("another way of writing a key: %v", err)
	}
	// czmq's certificates without CURVE.
	zeros := strings.Repeat("0", TextSize)
	if _, err := ParseSecret(zeros); !errors.Is(err, ErrWeakKey) {
		t.Errorf("a secret key of zeros: %v", err)
	}
}

func TestGeneratedKeys(t *testing.T) {
	seen := map[Key]bool{}
	for range 100 {
		p, err := GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseSecret(p.SecretText())
		if err != nil || again.Public != p.Public || seen[p.Public] {
			t.Fatalf("%v, then %v, %v", p, again, err)
		}
		seen[p.Public] = true
		parseKey(t, p.Public.String())
	}
}

// holder holds keys where fmt cannot ask them how they are printed.
type holder struct {
	pair KeyPair
	to   *KeyPair
	list []KeyPair
}

func TestSecretsAreNotPrinted(t *testing.T) {
	p := parseSecret(t, clientSecret)
	values := []any{p, &p, []KeyPair{p}, map[string]KeyPair{"own": p}, struct{ Own KeyPair }{p},
		holder{p, &p, []KeyPair{p}}, &holder{p, &p, []KeyPair{p}}}
	var out strings.Builder
	for _, v := range values {
		for _, verb := range "vsdxXqbcoOUtepTw" {
			for _, flag := range []string{"", "+", "#", " ", "0", "-50", ".90"} {
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
			}
		}
		fmt.Fprintln(&out, v)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("a key", "key", v)
		}
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
	}
	for _, secret := range secretForms(p.secret.key[:]) {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the secret is printed, as %q", secret)
		}
	}
	if n := strings.Count(out.String(), clientPublic); n < 100 {
		t.Errorf("the public key is printed %d times", n)
	}
}

// secretForms returns a part of a secret, as it would look in a log.
func secretForms(secret []byte) (forms []string) {
	part := secret[3:9]
	for _, verb := range []string{"%d", "%#v", "%x", "%X", "% x", "%o", "%b", "%s", "%q", "%U", "%c"} {
		forms = append(forms, strings.Trim(fmt.Sprintf(verb, part), `[]{}"byte`))
	}
	text, err := json.Marshal([]int{int(part[0]), int(part[1]), int(part[2])})
	if err == nil {
		forms = append(forms, strings.Trim(string(text), "[]"))
	}
	return append(forms, EncodeZ85(secret)[5:20])
}

func TestUser(t *testing.T) {
	n := Named{Key: parseKey(t, clientPublic)}
	if n.User() != clientPublic {
		t.Error(n.User())
	}
	if n.Name = "web1"; n.User() != "web1" {
		t.Error(n.User())
	}
}

// A key pair without keys is refused, and its secret is no text.
func TestNoKey(t *testing.T) {
	var none KeyPair
	if _, err := NewClient(&none, parseKey(t, serverPublic), nil); err == nil {
		t.Error("a client without a key")
	}
	if _, err := NewServer(&none); err == nil {
		t.Error("a server without a key")
	}
	if none.SecretText() != "" || bytes.Contains(fmt.Append(nil, none), []byte("nil")) {
		t.Errorf("%q %v", none.SecretText(), none)
	}
}

// The certificates of testdata/zcert hold keys that belong together, but for those of zeros.
func TestKeysOfCertificates(t *testing.T) {
	paths, err := filepath.Glob("../../../testdata/zcert/*_secret")
	if err != nil || len(paths) < 6 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		public, secret := certificate(t, path)
		p, err := ParseSecret(secret)
		if strings.Contains(path, "zeros") {
			if !errors.Is(err, ErrWeakKey) {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		if err != nil || p.Public.String() != public {
			t.Errorf("%s: %v, %v", path, p, err)
		}
	}
}

// certificate returns the keys in a file of czmq.
func certificate(t *testing.T, path string) (public, secret string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch name {
		case "public-key":
			public = strings.Trim(value, `"`)
		case "secret-key":
			secret = strings.Trim(value, `"`)
		}
	}
	return public, secret
}
