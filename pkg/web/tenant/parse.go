package tenant

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Limits of the file, in bytes if they are not numbers of something else.
const (
	MaxFile     = 4 << 20
	maxLine     = 32 << 10
	maxName     = 64
	MinToken    = 16 // a shorter one can be guessed
	MaxToken    = 4 << 10
	maxPrefix   = 255
	maxPrefixes = 100 // of a token
)

// digestMark begins what stands in the place of a token that is not in the file.
const digestMark = "sha256:"

// Parse reads a file's text. Its errors name lines, and hold nothing of a token.
func Parse(text []byte) (*List, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("it is longer than %d MiB", MaxFile>>20)
	}
	l := &List{}
	lines := make(map[[sha256.Size]byte]int) // of the tokens
	number := 0
	for line := range bytes.Lines(text) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		t, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if earlier, twice := lines[t.digest]; twice {
			return nil, fmt.Errorf("line %d (%s) has the same token as line %d: give each line a token of its own", number, t.Name, earlier)
		}
		lines[t.digest] = number
		l.add(t)
	}
	return l, nil
}

// parseLine reads NAME TOKEN PREFIX….
func parseLine(line []byte) (t *Tenant, err error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("it is longer than %d KiB", maxLine>>10)
	}
	if !utf8.Valid(line) {
		return nil, errors.New("it is not UTF-8")
	}
	fields := strings.Fields(string(line))
	if len(fields) < 3 {
		return nil, errors.New("write NAME TOKEN PREFIX…, with * in place of the prefixes for everything")
	}
	t = &Tenant{}
	if t.Name, err = parseName(fields[0]); err == nil {
		t.digest, err = parseToken(fields[1])
	}
	if err == nil {
		t.prefixes, err = parsePrefixes(fields[2:])
	}
	return t, err
}

func parseName(text string) (string, error) {
	const known = "-._@+"
	for _, r := range text {
		if r > unicode.MaxASCII || (!unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(known, r)) {
			return "", fmt.Errorf("a name has letters of ASCII, digits, and the characters %s", known)
		}
	}
	if len(text) > maxName {
		return "", fmt.Errorf("a name has at most %d characters", maxName)
	}
	return strings.Clone(text), nil
}

func parseToken(text string) (digest [sha256.Size]byte, err error) {
	if mark := text[:min(len(text), len(digestMark))]; strings.EqualFold(mark, digestMark) {
		decoded, err := hex.DecodeString(text[len(mark):])
		if err != nil || len(decoded) != len(digest) {
			return digest, errors.New("after sha256: there are 64 hexadecimal digits: printf %s \"$TOKEN\" | sha256sum")
		}
		copy(digest[:], decoded)
		return digest, nil
	}
	if err := checkToken(text); err != nil {
		return digest, err
	}
	return sha256.Sum256([]byte(text)), nil
}

// checkToken returns an error if no request can have this token, or if it is too short.
func checkToken(text string) error {
	if len(text) < MinToken || len(text) > MaxToken {
		return fmt.Errorf("a token has %d to %d characters, such as `openssl rand -hex 32` writes", MinToken, MaxToken)
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return errors.New("a token has visible characters of ASCII only")
		}
	}
	return nil
}

// parsePrefixes returns no prefixes for *.
func parsePrefixes(fields []string) (prefixes []string, err error) {
	if len(fields) == 1 && fields[0] == "*" {
		return nil, nil
	}
	if len(fields) > maxPrefixes {
		return nil, fmt.Errorf("more than %d prefixes: give the tenant another token for the others", maxPrefixes)
	}
	prefixes = make([]string, 0, len(fields))
	for _, prefix := range fields {
		switch {
		case strings.Contains(prefix, "*"):
			return nil, errors.New("* stands alone, for everything; a prefix has no *, since it says how topics begin")
		case strings.HasPrefix(prefix, "#"):
			return nil, errors.New("a comment has a line of its own: what follows # here would be prefixes")
		case len(prefix) > maxPrefix:
			return nil, fmt.Errorf("a prefix of more than %d bytes", maxPrefix)
		case string(message.AppendSafe(nil, []byte(prefix), false)) != prefix:
			return nil, errors.New("a prefix with characters that cannot be shown")
		}
		prefixes = append(prefixes, strings.Clone(prefix))
	}
	return prefixes, nil
}
