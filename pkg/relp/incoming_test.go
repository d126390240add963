package relp

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// through passes a stream through incoming, in reads of at most step bytes.
func through(stream []byte, max, step int) (frames []Frame, sizes []int, in *incoming, err error) {
	in = newIncoming(max)
	for {
		for {
			f, size, err := in.next()
			if err == ErrShort {
				break
			}
			if err != nil {
				return frames, sizes, in, err
			}
			frames = append(frames, Frame{f.Txnr, bytes.Clone(f.Command), bytes.Clone(f.Data)})
			sizes = append(sizes, size)
		}
		if len(stream) == 0 {
			return frames, sizes, in, nil
		}
		n := copy(in.space(), stream[:min(step, len(stream))])
		stream = stream[n:]
		in.filled(n)
	}
}

func TestIncoming(t *testing.T) {
	const max = 100
	var stream []byte
	var want []string
	for i, size := range []int{0, 1, 99, 100, 101, 5000, 3, 300_000, 100} {
		data := bytes.Repeat([]byte{'a' + byte(i)}, size)
		stream = AppendFrame(stream, i+1, "syslog", data)
		want = append(want, string(data[:min(size, max)]))
	}
	for _, step := range []int{1, 7, 1000, 1 << 20} {
		frames, sizes, in, err := through(stream, max, step)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, f := range frames {
			got = append(got, string(f.Data))
			if f.Txnr != i+1 || string(f.Command) != "syslog" {
				t.Errorf("frame %d: %d %s", i, f.Txnr, f.Command)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("in steps of %d: %d frames of %v bytes", step, len(got), sizes)
		}
		if sizes[5] != 5000 || sizes[7] != 300_000 || len(in.buf) > max+startIncoming {
			t.Errorf("in steps of %d: sizes %v, a buffer of %d bytes", step, sizes, len(in.buf))
		}
	}
}

func TestIncomingMalformed(t *testing.T) {
	long := strings.Repeat("x", 200)
	for stream, field := range map[string]string{
		"x":                             "transaction number",
		"1 syslog 200x" + long:          "data length",
		"1 syslog 200 " + long + "x":    "trailer",
		"1 syslog 3 abcd":               "trailer",
		"1 sys1og 200 " + long:          "command",
		"1 syslog 1234567890 " + long:   "data length",
		"\x16\x03\x01\x02\x00\x01\x00":  "transaction number",
		"GET / HTTP/1.1\r\nHost: a\r\n": "transaction number",
	} {
		var malformed *FrameError
		if _, _, _, err := through([]byte(stream), 100, 1000); !errors.As(err, &malformed) || malformed.Field != field {
			t.Errorf("%.20q: %v", stream, err)
		}
	}
}

// A frame that announces a gigabyte takes no memory.
func TestIncomingHugeClaim(t *testing.T) {
	_, _, in, err := through([]byte("1 syslog 999999999 "+strings.Repeat("x", 1<<20)), 1<<16, 4096)
	if err != nil || len(in.buf) > 1<<16+startIncoming {
		t.Errorf("%v, a buffer of %d bytes", err, len(in.buf))
	}
}

// Whatever arrives, in whatever pieces: the frames are those that Parse finds, but for their cut.
func FuzzIncoming(f *testing.F) {
	f.Add(AppendFrame(AppendFrame(nil, 1, "open", []byte(offers)), 2, "syslog", []byte("hello")), 3)
	f.Add(AppendFrame(AppendFrame(nil, 1, "syslog", bytes.Repeat([]byte("x"), 50)), 2, "close", nil), 1)
	f.Add([]byte("1 syslog 20 aaaaaaaaaaaaaaaaaaaab"), 5)
	f.Add([]byte("1 syslog 999999999 aaaaaaaaaaaaaaaaaaaaaaaaa"), 4)
	f.Fuzz(func(t *testing.T, stream []byte, step int) {
		const max = 16
		step = 1 + int(uint(step)%64)
		got, sizes, in, err := through(stream, max, step)
		for i, f := range got {
			want, n, parseErr := Parse(stream, 1_000_000_000)
			if parseErr != nil || want.Txnr != f.Txnr || string(want.Command) != string(f.Command) || len(want.Data) != sizes[i] ||
				!bytes.Equal(want.Data[:min(len(want.Data), max)], f.Data) {
				t.Fatalf("frame %d is %+v of %d bytes, want %+v, %v", i, f, sizes[i], want, parseErr)
			}
			stream = stream[n:]
		}
		if _, _, parseErr := Parse(stream, 1_000_000_000); parseErr == nil || err != nil && (parseErr == ErrShort || parseErr.Error() != err.Error()) ||
			err == nil && parseErr != ErrShort {
			t.Fatalf("at the end %v, want %v", err, parseErr)
		}
		if len(in.buf) > max+startIncoming {
			t.Fatalf("a buffer of %d bytes", len(in.buf))
		}
	})
}
