package curve

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

// RFC 32's test case, the extremes, and keys of the ZeroMQ documentation.
func TestZ85(t *testing.T) {
	tests := map[string]string{
		"":                 "",
		"864fd26fb559f75b": "HelloWorld",
		"00000000":         "00000",
		"ffffffff":         "%nSc0",
		"00000001000000ff": "0000100030",
		hexClientPublic:    clientPublic,
		hexClientSecret:    clientSecret,
	}
	for bytes, text := range tests {
		raw, err := hex.DecodeString(bytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := EncodeZ85(raw); got != text {
			t.Errorf("%s is %q, want %q", bytes, got, text)
		}
		if got, err := DecodeZ85(text); err != nil || hex.EncodeToString(got) != bytes {
			t.Errorf("%q is %x, %v, want %s", text, got, err, bytes)
		}
	}
}

const (
	hexClientPublic = "bb88471d65e2659b30c55a5321cebb5aab2b70a398645c26dca2b2fcb43fc518"
	hexClientSecret = "7bb864b489afa3671fbe69101f94b38972f24816dfb01b51656b3fec8dfd0888"
)

func TestZ85RoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := 0; size < 200; size += 4 {
		raw := make([]byte, size)
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		text := EncodeZ85(raw)
		if got, err := DecodeZ85(text); err != nil || string(got) != string(raw) || len(text) != size/4*5 {
			t.Errorf("%x is %q is %x, %v", raw, text, got, err)
		}
	}
}

func TestZ85Refused(t *testing.T) {
	tests := []string{
		"0", "00", "000", "0000", "000000", // lengths
		"%nSc1", "%nSd0", "#####", "00000#####", // more than 32 bits
		"0000 ", "0000\"", "0000'", "0000,", "0000;", "0000\\", "0000_", "0000`", "0000|", "0000~", // the alphabet
		"0000\x00", "0000\n", "0000\x7f", "000\u00e9", "0000\xff", "\xff\xfe\xfd\xfc\xfb",
	}
	for _, text := range tests {
		if got, err := DecodeZ85(text); err == nil {
			t.Errorf("%q is %x", text, got)
		}
	}
	for c := range 256 {
		text := "0000" + string([]byte{byte(c)})
		if _, err := DecodeZ85(text); (err == nil) != strings.Contains(digits, text[4:]) {
			t.Errorf("the character %q: %v", text[4:], err)
		}
	}
}
