package relp

const (
	// startIncoming is the usual size of the buffer in bytes, and the room beyond the longest frame.
	startIncoming = 64 << 10
	// strangeIncoming is its initial size.
	strangeIncoming = 4 << 10
)

// incoming turns the bytes of a session into frames. A frame with more data than max is cut there: its rest is thrown
// away as it arrives. The buffer grows with the bytes that have arrived, never with the length that a frame announces,
// and not beyond max + startIncoming. It does no I/O.
type incoming struct {
	max   int  // bytes of a frame's data
	known bool // a whole message has come: the buffer gets its usual size
	buf   []byte
	r     int // buf[r:w] has been read and not parsed
	w     int

	cut  Frame // a frame that is cut, while the rest of it is thrown away: max bytes of its data begin at r
	size int   // bytes of its data
	rest int   // how many of these are still to come; -1: no frame is cut
}

func newIncoming(max int) *incoming {
	return &incoming{max: max, buf: make([]byte, strangeIncoming), rest: -1}
}

// space returns where to read to. What the frames of next have borrowed is not valid any more.
func (in *incoming) space() []byte {
	switch {
	case in.r == in.w:
		in.r, in.w = 0, 0
		if len(in.buf) > 8*startIncoming || in.known && len(in.buf) < startIncoming {
			in.buf = make([]byte, startIncoming)
		}
	case len(in.buf)-in.w < min(len(in.buf), startIncoming)/4:
		in.makeRoom()
	}
	return in.buf[in.w:]
}

func (in *incoming) makeRoom() {
	rest := in.buf[in.r:in.w]
	if len(rest) > len(in.buf)/2 {
		bigger := make([]byte, min(2*len(in.buf), in.max+startIncoming))
		in.buf = bigger
	}
	in.w, in.r = copy(in.buf, rest), 0
}

// filled accounts for n bytes that were read into space.
func (in *incoming) filled(n int) { in.w += n }

// next returns the next frame, which borrows from the buffer until space is called, and how many bytes of data the
// frame had. The errors are those of Parse without SizeError. ErrShort: more has to be read.
func (in *incoming) next() (f Frame, size int, err error) {
	if in.rest >= 0 {
		return in.skip()
	}
	f, n, err := Parse(in.buf[in.r:in.w], in.max)
	if err == nil {
		in.r += n
		return f, len(f.Data), nil
	}
	over, tooLong := err.(*SizeError)
	if !tooLong {
		return Frame{}, 0, err
	}
	return in.begin(over)
}

// begin begins a frame that is cut, once all of it that is kept has arrived.
func (in *incoming) begin(over *SizeError) (f Frame, size int, err error) {
	at := in.buf[in.r:in.w]
	txnr, i, err := parseNumber(at, 0, "transaction number")
	if err != nil {
		return Frame{}, 0, err
	}
	end, err := parseCommand(at, i+1)
	if err != nil {
		return Frame{}, 0, err
	}
	_, head, err := parseNumber(at, end+1, "data length")
	switch {
	case err != nil:
		return Frame{}, 0, err
	case at[head] != ' ':
		return Frame{}, 0, &FrameError{"data length", "is not followed by a space"}
	case len(at) < head+1+in.max:
		return Frame{}, 0, ErrShort
	}
	in.cut = Frame{Txnr: txnr, Command: append([]byte(nil), at[i+1:end]...)}
	in.r += head + 1
	in.size, in.rest = over.Size, over.Size-in.max
	return in.skip()
}

// skip throws away the rest of a frame that is cut, and returns the frame at its end.
func (in *incoming) skip() (f Frame, size int, err error) {
	end := in.r + in.max
	n := min(in.w-end, in.rest)
	copy(in.buf[end:], in.buf[end+n:in.w])
	in.w -= n
	in.rest -= n
	if in.rest > 0 || in.w == end {
		return Frame{}, 0, ErrShort
	}
	if in.buf[end] != '\n' {
		return Frame{}, 0, &FrameError{"trailer", "is not a line feed"}
	}
	f = in.cut
	f.Data = in.buf[in.r:end:end]
	in.cut, in.rest, in.r = Frame{}, -1, end+1
	return f, in.size, nil
}
