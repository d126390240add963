package relp

import "bytes"

// Answer is the data of a rsp frame. It borrows from the frame.
type Answer struct {
	Code int    // 200: accepted; 0: an empty answer, as imrelp gives to close
	Text []byte // for people: "OK", or what went wrong
	Data []byte // what follows the first line; in an answer to open: the offers
}

// ParseAnswer reads the data of a rsp frame:
//
//	CODE [ SP TEXT ] [ LF DATA ]        CODE is three digits
func ParseAnswer(data []byte) (Answer, error) {
	if len(data) == 0 {
		return Answer{}, nil
	}
	head, rest, _ := bytes.Cut(data, []byte{'\n'})
	code, text, _ := bytes.Cut(head, []byte{' '})
	a := Answer{Text: text, Data: rest}
	if len(code) != 3 {
		return Answer{}, &FrameError{"answer", "does not begin with a code of three digits"}
	}
	for _, c := range code {
		if c < '0' || c > '9' {
			return Answer{}, &FrameError{"answer", "does not begin with a code of three digits"}
		}
		a.Code = a.Code*10 + int(c-'0')
	}
	return a, nil
}
