package curve

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	nacl "golang.org/x/crypto/nacl/box"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// recorder writes what two ends have said into a file.
type recorder struct {
	t              *testing.T
	what           string
	client, server bytes.Buffer
	text           bytes.Buffer
}

func (r *recorder) write() {
	if r.t.Failed() {
		return
	}
	name := strings.TrimPrefix(r.t.Name(), "TestRecord/")
	fmt.Fprintf(&r.text, "# %s. libzmq's version is 4.3.4. See README.md.\n\n", r.what)
	client, server := parseSecret(r.t, clientSecret), parseSecret(r.t, serverSecret)
	r.item("client secret", client.secret.key[:])
	r.item("client public", client.Public[:])
	r.item("client random", draw(seed(r.t, "client"), KeySize+nonceSize), KeySize, "c'", nonceSize, "nonce of the vouch")
	r.item("server secret", server.secret.key[:])
	r.item("server public", server.Public[:])
	r.item("server random", draw(seed(r.t, "server"), 2*KeySize+2*nonceSize),
		KeySize, "s'", nonceSize, "nonce of the cookie", KeySize, "key of the cookie", nonceSize, "nonce of WELCOME")
	r.frames()
	err := os.WriteFile(filepath.Join(recordings, name+".txt"), r.text.Bytes(), 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
}

func draw(seed string, size int) []byte {
	b := make([]byte, size)
	io.ReadFull(fixed(seed), b) //nolint:errcheck // it has enough
	return b
}

// frames writes the greetings, the handshake's commands in turn, and the MESSAGEs of each side.
func (r *recorder) frames() {
	sides := [2][]byte{r.client.Bytes(), r.server.Bytes()}
	who := [2]string{"client", "server"}
	for i := range sides {
		r.item(who[i]+" greeting", sides[i][:64], 10, "signature", 2, "version", 5, "", 15, "", 32, "")
		sides[i] = sides[i][64:]
	}
	shared := r.sharedKey()
	next := func(i int) (frame []byte) {
		_, _, n, err := zmtp.DecodeFrame(sides[i], 1<<20)
		if err != nil || n > len(sides[i]) {
			return nil
		}
		frame, sides[i] = sides[i][:n], sides[i][n:]
		return frame
	}
	r.item("client HELLO", next(0), 2, "header", 6, "", 2, "version", 72, "", 32, "C'", 8, "counter")
	r.item("server WELCOME", next(1), 2, "header", 8, "", 16, "nonce")
	initiate := next(0)
	r.item("client INITIATE", initiate, 9, "header", 9, "", 96, "cookie", 8, "counter")
	r.holds("client INITIATE", initiate[9:], initiateNonce, initiateCounter, provenSize, shared)
	ready := next(1)
	r.item("server READY", ready, zmtp.HeaderSize(ready), "header", 6, "", 8, "counter")
	r.holds("server READY", ready[zmtp.HeaderSize(ready):], readyNonce, readyCounter, 0, shared)
	for i, prefix := range []string{clientMessages, serverMessages} {
		for frame := next(i); frame != nil; frame = next(i) {
			header := zmtp.HeaderSize(frame)
			r.item(who[i]+" MESSAGE", frame, header, "header", 8, "", 8, "counter")
			r.holds(who[i]+" MESSAGE", frame[header:], prefix, len(messageStart), 0, shared)
		}
	}
}

// sharedKey returns the key of the connection, by s' and C', which are known here.
func (r *recorder) sharedKey() *[KeySize]byte {
	var shared [KeySize]byte
	hello := r.client.Bytes()[64+2:]
	nacl.Precompute(&shared, (*[32]byte)(hello[helloKey:]), (*[32]byte)(draw(seed(r.t, "server"), KeySize)))
	return &shared
}

// holds writes what the box of a command has in it, from a byte on.
func (r *recorder) holds(name string, body []byte, prefix string, counter, from int, shared *[KeySize]byte) {
	nonce := new([24]byte)
	copy(nonce[copy(nonce[:], prefix):], body[counter:counter+8])
	text, ok := nacl.OpenAfterPrecomputation(nil, body[counter+8:], nonce, shared)
	if !ok {
		r.t.Fatalf("%s: its box does not open", name)
	}
	fmt.Fprintf(&r.text, "%s holds\n    %s\n\n", name, spell(text[from:]))
}

// item writes an item. fields are sizes of fields, with a comment on each, or "" on those that may have words; what is
// left is a box.
func (r *recorder) item(name string, b []byte, fields ...any) {
	fmt.Fprintf(&r.text, "%s\n", name)
	for ; len(fields) > 0; fields = fields[2:] {
		n := fields[0].(int)
		if comment := fields[1].(string); comment != "" {
			fmt.Fprintf(&r.text, "    %s # %s\n", hexadecimal(b[:n]), comment)
		} else {
			fmt.Fprintf(&r.text, "    %s\n", spell(b[:n]))
		}
		b = b[n:]
	}
	if len(b) > 0 {
		fmt.Fprintf(&r.text, "    %s\n", hexadecimal(b))
	}
	fmt.Fprintln(&r.text)
}

// hexadecimal returns bytes in lines of 32.
func hexadecimal(b []byte) string {
	var lines []string
	for line := range slices.Chunk(b, 32) {
		lines = append(lines, hex.EncodeToString(line))
	}
	return strings.Join(lines, "\n    ")
}

// spell writes bytes as the reader of transcripts reads them: words as words.
func spell(b []byte) string {
	var parts []string
	for len(b) > 0 {
		words := wordsAt(b)
		switch {
		case words > 0:
			parts = append(parts, fmt.Sprintf("%q", b[:words]))
			b = b[words:]
		case bytes.Count(b, b[:1]) == len(b) && len(b) > 8:
			parts = append(parts, fmt.Sprintf("%02x*%d", b[0], len(b)))
			b = nil
		default:
			end := 1
			for end < len(b) && wordsAt(b[end:]) == 0 {
				end++
			}
			parts = append(parts, hex.EncodeToString(b[:end]))
			b = b[end:]
		}
	}
	return strings.Join(parts, " ")
}

// wordsAt returns how many printable bytes b begins with, or 0 if they are few enough to be there by chance.
func wordsAt(b []byte) (n int) {
	for n < len(b) && b[n] >= ' ' && b[n] < 0x7f {
		n++
	}
	if n < 4 && n < len(b) {
		return 0
	}
	return n
}
