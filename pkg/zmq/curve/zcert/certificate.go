package zcert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// MaxSize is how many bytes a certificate's file may have. Longer ones are not read.
const MaxSize = 64 << 10

// MaxName is how many bytes a certificate's name may have.
const MaxName = 255

// The fields and sections of a certificate.
const (
	metadata  = "metadata"
	nameField = "name"
	keys      = "curve"
	publicKey = "public-key"
	secretKey = "secret-key"
)

// Certificate is a CURVE key and what its owner says about it.
type Certificate struct {
	Public   curve.Key
	Pair     *curve.KeyPair // nil: only the public key is known
	Metadata []Field        // in the file's order; names do not repeat
}

// Field is one line of a certificate's metadata.
type Field struct{ Name, Value string }

// New makes a certificate with a new key. name may be empty.
func New(name string) (*Certificate, error) {
	pair, err := curve.GenerateKey()
	if err != nil {
		return nil, err
	}
	c := &Certificate{Public: pair.Public, Pair: &pair}
	if name != "" {
		c.Metadata = []Field{{nameField, name}}
	}
	return c, c.check()
}

// Name returns the name that the metadata gives, or "". What no log line should have in it, it replaces by U+FFFD:
// control characters and what is not UTF-8. It cuts the name at MaxName bytes.
func (c *Certificate) Name() string {
	for _, f := range c.Metadata {
		if f.Name == nameField {
			name := strings.ToValidUTF8(f.Value, "\uFFFD")
			name = strings.Map(func(r rune) rune {
				if !unicode.IsPrint(r) {
					return utf8.RuneError
				}
				return r
			}, name)
			return strings.ToValidUTF8(name[:min(len(name), MaxName)], "")
		}
	}
	return ""
}

// Named returns the public key and the name.
func (c *Certificate) Named() curve.Named { return curve.Named{Key: c.Public, Name: c.Name()} }

// Parse reads a certificate's file, which has one key or both. Where a name repeats, the first counts. The error names
// the line, and holds nothing of a key.
func Parse(data []byte) (*Certificate, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it has %d bytes, and a certificate has at most %d", len(data), MaxSize)
	}
	items, err := parseZPL(string(data))
	if err != nil {
		return nil, err
	}
	c := &Certificate{}
	seen := map[string]bool{}
	for _, it := range section(items, metadata) {
		if !seen[it.name] {
			seen[it.name] = true
			c.Metadata = append(c.Metadata, Field{it.name, it.value})
		}
	}
	return c, c.parseKeys(section(items, keys))
}

func (c *Certificate) parseKeys(fields []item) error {
	public, ok := find(fields, publicKey)
	if !ok {
		return errors.New(`it is no certificate: it has no section "curve" with a line public-key = "…" in it`)
	}
	var err error
	if c.Public, err = curve.ParseKey(public.value); err != nil {
		return fmt.Errorf("line %d: public-key: %w", public.line, err)
	}
	secret, ok := find(fields, secretKey)
	if !ok {
		return nil
	}
	pair, err := curve.ParseSecret(secret.value)
	if err == nil && pair.Public != c.Public {
		err = errors.New("it does not belong to the public key above")
	}
	if err != nil {
		return fmt.Errorf("line %d: secret-key: %w", secret.line, err)
	}
	c.Pair = &pair
	return nil
}

// find returns the first field with this name.
func find(fields []item, name string) (item, bool) {
	i := slices.IndexFunc(fields, func(it item) bool { return it.name == name })
	if i < 0 {
		return item{}, false
	}
	return fields[i], true
}

// CheckName returns an error if a certificate that is made here cannot have this name.
func CheckName(name string) error {
	switch {
	case len(name) > MaxName:
		return fmt.Errorf("it has %d bytes, and at most %d are allowed", len(name), MaxName)
	case strings.TrimSpace(name) != name || name == "":
		return errors.New("write a name, without spaces around it")
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return errors.New("it has characters in it that cannot be printed")
	}
	return checkValue(name)
}

// checkValue returns an error if zcert_save would write the value so that it cannot be read again, or if a line of a
// log should not have it.
func checkValue(value string) error {
	switch {
	case strings.Contains(value, `"`):
		return errors.New(`a value cannot have a " in it: czmq's format has no way to write it`)
	case !utf8.ValidString(value), strings.ContainsFunc(value, unicode.IsControl):
		return errors.New("a value is UTF-8 without control characters")
	}
	return nil
}

// check returns an error if the certificate could not be read again once it is written.
func (c *Certificate) check() error {
	seen := map[string]bool{}
	for _, f := range c.Metadata {
		err := checkValue(f.Value)
		switch {
		case f.Name == "" || nameLength(f.Name) < len(f.Name) || f.Name[0] == '/' || strings.HasSuffix(f.Name, "/"):
			err = errors.New("a field's name has letters, digits and $-_@.&+ only")
		case seen[f.Name]:
			err = errors.New("the field is there twice")
		}
		if err != nil {
			return fmt.Errorf("metadata %q: %w", f.Name, err)
		}
		seen[f.Name] = true
	}
	if n := len(c.text("", time.Time{}, false)); n > MaxSize-maxRest {
		return fmt.Errorf("the metadata is too long: a certificate has at most %d bytes", MaxSize)
	}
	return nil
}

// maxRest is more than the bytes that the name of the program and the secret key add to a file.
const maxRest = 1 << 10

const (
	publicBanner = `#   ZeroMQ CURVE Public Certificate
#   Exchange securely, or use a secure mechanism to verify the contents
#   of this file after exchange. Store public certificates in your home
#   directory, in the .curve subdirectory.
`
	secretBanner = `#   ZeroMQ CURVE **Secret** Certificate
#   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.
`
)

// text returns a file as zcert_save writes it. by names the program that writes it.
func (c *Certificate) text(by string, now time.Time, secret bool) string {
	var out strings.Builder
	fmt.Fprintf(&out, "#   ****  Generated on %s by %s  ****\n", now.Format(time.DateTime), by)
	if secret {
		out.WriteString(secretBanner)
	} else {
		out.WriteString(publicBanner)
	}
	out.WriteString("\n" + metadata + "\n")
	for _, f := range c.Metadata {
		fmt.Fprintf(&out, "    %s = \"%s\"\n", f.Name, f.Value)
	}
	fmt.Fprintf(&out, "%s\n    %s = \"%s\"\n", keys, publicKey, c.Public)
	if secret {
		fmt.Fprintf(&out, "    %s = \"%s\"\n", secretKey, c.Pair.SecretText())
	}
	return out.String()
}
