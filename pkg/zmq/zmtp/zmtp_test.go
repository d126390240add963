package zmtp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest/transcript"
)

func TestFrameRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, 254, 255, 256, 257, 65535, 65536, 1 << 20} {
		body := bytes.Repeat([]byte{'x'}, size)
		for _, flags := range []byte{0, More, Command} {
			wire := AppendFrame(nil, flags, body)
			gotFlags, gotBody, n, err := DecodeFrame(wire, size)
			if err != nil || n != len(wire) || gotFlags != flags || !bytes.Equal(gotBody, body) {
				t.Errorf("size %d flags %d: %d, %d bytes, n %d, %v", size, flags, gotFlags, len(gotBody), n, err)
			}
			if _, _, n, err := DecodeFrame(wire[:len(wire)-1], size); err != nil || n <= len(wire)-1 {
				t.Errorf("size %d, one byte missing: n %d, %v", size, n, err)
			}
		}
	}
}

// The expected bytes are written by hand from RFC 23's grammar.
func TestFrameBytes(t *testing.T) {
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"short", AppendFrame(nil, 0, []byte("abc")), "\x00\x03abc"},
		{"more", AppendMessage(nil, []byte("a"), nil, []byte("b")), "\x01\x01a\x01\x00\x00\x01b"},
		{"long", AppendFrame(nil, 0, bytes.Repeat([]byte("z"), 256)),
			"\x02\x00\x00\x00\x00\x00\x00\x01\x00" + strings.Repeat("z", 256)},
		{"command", AppendCommand(nil, Subscribe, []byte("t")), "\x04\x0b\x09SUBSCRIBEt"},
		{"ping", AppendPing(nil), "\x04\x07\x04PING\x00\x00"},
		{"property", AppendProperty(nil, "Identity", []byte("me")), "\x08Identity\x00\x00\x00\x02me"},
	}
	for _, test := range tests {
		if string(test.got) != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
}

// A command of at most 255 bytes has the short form.
func TestCommandSizes(t *testing.T) {
	for _, size := range []int{5, 254, 255, 256, 70_000} {
		data := bytes.Repeat([]byte{'x'}, size-1-len(Ping))
		wire := AppendCommand(nil, Ping, data)
		header := 2
		if size > 255 {
			header = MaxHeader
		}
		flags, body, n, err := DecodeFrame(wire, size)
		if err != nil || flags != Command || n != len(wire) || len(wire) != header+size {
			t.Errorf("size %d: flags %d, %d of %d bytes, %v", size, flags, n, len(wire), err)
			continue
		}
		if name, got, err := ParseCommand(body); err != nil || string(name) != Ping || !bytes.Equal(got, data) {
			t.Errorf("size %d: %q with %d bytes, %v", size, name, len(got), err)
		}
	}
}

// A property without a value is one, even at the end.
func TestEmptyProperty(t *testing.T) {
	var got []string
	metadata := AppendProperty(AppendProperty(nil, SocketType, []byte("PUSH")), Identity, nil)
	err := ParseMetadata(metadata, func(name, value []byte) { got = append(got, string(name)+"="+string(value)) })
	if err != nil || strings.Join(got, " ") != "Socket-Type=PUSH Identity=" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestHostileLengths(t *testing.T) {
	for _, size := range []uint64{256, 1 << 40, math.MaxInt64, math.MaxUint64} {
		wire := binary.BigEndian.AppendUint64([]byte{long}, size)
		_, _, _, err := DecodeFrame(wire, 255)
		var tooLong *TooLongError
		if !errors.As(err, &tooLong) || tooLong.Size != size {
			t.Errorf("size %d: %v", size, err)
		}
	}
	if _, _, _, err := DecodeFrame([]byte{0, 1, 'x'}, -1); err == nil {
		t.Error("a negative limit let a frame through")
	}
	wire := []byte{long, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'x'}
	if _, _, _, err := DecodeFrame(wire, math.MaxInt); err == nil {
		t.Error("a frame whose end no int can hold was let through")
	}
}

func TestParseCommand(t *testing.T) {
	for _, body := range []string{"", "\x00", "\x05READ", "\xff"} {
		if _, _, err := ParseCommand([]byte(body)); err == nil {
			t.Errorf("%q was accepted", body)
		}
	}
	name, data, err := ParseCommand([]byte("\x04PING\x00\x00ctx"))
	if err != nil || string(name) != Ping || string(PingContext(data)) != "ctx" {
		t.Errorf("%q %q %v", name, data, err)
	}
	if got := PingContext(bytes.Repeat([]byte("c"), 40)); len(got) != 16 {
		t.Errorf("a context of %d bytes", len(got))
	}
	if got := PingContext([]byte{0}); got != nil {
		t.Errorf("a PING that is cut short has the context: %q", got)
	}
}

func TestErrorReason(t *testing.T) {
	tests := map[string]string{
		"\x03400": `"400"`, "\x02\x1b[": `"\x1b["`, "": "(malformed reason)", "\x09x": "(malformed reason)",
	}
	for data, want := range tests {
		if got := ErrorReason([]byte(data)); got != want {
			t.Errorf("%q: %s, want %s", data, got, want)
		}
	}
}

func TestMetadataCutAnywhere(t *testing.T) {
	whole := AppendProperty(AppendProperty(nil, SocketType, []byte("PUSH")), Identity, []byte("me"))
	first := len(AppendProperty(nil, SocketType, []byte("PUSH")))
	for cut := range whole {
		err := ParseMetadata(whole[:cut], func(_, _ []byte) {})
		if (err == nil) != (cut == 0 || cut == first) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	if err := ParseMetadata([]byte{0, 0, 0, 0, 0}, func(_, _ []byte) {}); err == nil {
		t.Error("an empty name was accepted")
	}
}

func TestCodecDoesNoIO(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		switch name {
		case "net", "os", "time", "log", "log/slog":
			t.Errorf("the codec imports %s", name)
		}
	}
}

// limits are what a frame may be limited to: a socket's setting, or what a message leaves of it.
var limits = []int{math.MinInt, -1, 0, 1, 255, 256, 1 << 16, math.MaxInt - MaxHeader, math.MaxInt}

func FuzzDecodeFrame(f *testing.F) {
	needSeeds(f)
	for _, frame := range hostileFrames(f) {
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, limit := range limits {
			_, body, n, err := DecodeFrame(b, limit)
			var tooLong *TooLongError
			switch {
			case errors.As(err, &tooLong):
				if tooLong.Limit != limit || limit >= 0 && tooLong.Size <= uint64(min(limit, math.MaxInt-MaxHeader)) {
					t.Fatalf("%q with the limit %d: %v", b, limit, err)
				}
			case err != nil || n < 2 || n-MaxHeader > limit && n > MaxHeader || n > len(b) && len(body) > 0 || len(body) > max(limit, 0):
				t.Fatalf("%q with the limit %d: %d bytes needed, a body of %d, %v", b, limit, n, len(body), err)
			}
		}
		flags, body, n, err := DecodeFrame(b, 1<<16)
		if err != nil || n > len(b) {
			return
		}
		wire := AppendFrame(nil, flags, body)
		flags2, body2, n2, err := DecodeFrame(wire, 1<<16)
		if err != nil || n2 != len(wire) || flags2 != flags || !bytes.Equal(body2, body) {
			t.Fatalf("%q became %q", b[:n], wire)
		}
	})
}

func FuzzParseCommand(f *testing.F) {
	needSeeds(f)
	for _, frame := range hostileFrames(f) {
		if flags, body, n, err := DecodeFrame(frame, 1<<16); err == nil && n <= len(frame) && flags&Command != 0 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		name, data, err := ParseCommand(body)
		if err != nil {
			return
		}
		_, again, _, err := DecodeFrame(AppendCommand(nil, string(name), data), len(body))
		if err != nil || !bytes.Equal(again, body) {
			t.Fatalf("%q became %q, %v", body, again, err)
		}
		_ = PingContext(data)
		_ = ErrorReason(data)
	})
}

func FuzzParseMetadata(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		err := ParseMetadata(b, func(name, value []byte) { again = AppendProperty(again, string(name), value) })
		if err == nil && !bytes.Equal(again, b) {
			t.Fatalf("%q became %q", b, again)
		}
	})
}

// hostileFrames returns the frames of testdata/zmtp at the top of the repository, those after greetings, too.
func hostileFrames(f *testing.F) (frames [][]byte) {
	for _, name := range []string{"frames-refused", "frames-accepted", "refused", "accepted"} {
		for _, item := range transcript.Read(f, "../../../testdata/zmtp/"+name+".txt") {
			const greeting = 64
			if strings.HasPrefix(name, "frames") {
				frames = append(frames, item.Bytes)
			} else if len(item.Bytes) > greeting {
				frames = append(frames, item.Bytes[greeting:])
			}
		}
	}
	return frames
}

// needSeeds fails if a fuzz target has no seeds.
func needSeeds(f *testing.F) {
	seeds, err := os.ReadDir("testdata/fuzz/" + f.Name())
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
}
