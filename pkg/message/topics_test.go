package message_test

import (
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

func TestTopics(t *testing.T) {
	byColon := message.Topics{Delimiter: ':', ByDelimiter: true}
	inline := message.Topics{Delimiter: ':', ByDelimiter: true, Inline: true}
	for _, c := range []struct {
		name   string
		topics message.Topics
		line   string
		topic  string
		found  bool
		frames string // joined by |
	}{
		{"none", message.Topics{}, "a:b", "", true, "a:b"},
		{"none, inline", message.Topics{Inline: true}, "a:b", "", true, "a:b"},
		{"constant", message.Topics{Name: []byte("t")}, "a:b", "t", true, "t|a:b"},
		{"constant, inline", message.Topics{Name: []byte("t "), Inline: true}, "a:b", "t ", true, "t a:b"},
		{"delimiter", byColon, "a:b:c", "a", true, "a|b:c"},
		{"delimiter first", byColon, ":b", "", true, "|b"},
		{"delimiter last", byColon, "a:", "a", true, "a|"},
		{"delimiter missing", byColon, "ab", "", false, "|ab"},
		{"empty line", byColon, "", "", false, "|"},
		{"inline", inline, "a:b:c", "a", true, "ab:c"},
		{"inline, delimiter first", inline, ":b", "", true, "b"},
		{"inline, delimiter missing", inline, "ab", "", false, "ab"},
	} {
		t.Run(c.name, func(t *testing.T) {
			topic, _, found := c.topics.Split([]byte(c.line))
			if string(topic) != c.topic || found != c.found {
				t.Errorf("topic %q, found %v; want %q, %v", topic, found, c.topic, c.found)
			}
			frames, _, found := c.topics.AppendFrames(nil, nil, []byte(c.line))
			var got []string
			for _, f := range frames {
				got = append(got, string(f))
			}
			if joined := strings.Join(got, "|"); joined != c.frames || found != c.found {
				t.Errorf("frames %q, found %v; want %q, %v", joined, found, c.frames, c.found)
			}
		})
	}
}

// Frames of earlier lines survive the growth of scratch and do not reach into each other.
func TestTopicsScratch(t *testing.T) {
	topics := message.Topics{Name: []byte("t"), Inline: true}
	for _, room := range []int{3, 64} { // with 64, the frames share one array
		var frames [][]byte
		scratch := make([]byte, 0, room)
		for _, line := range []string{"a", "b", "c"} {
			frames, scratch, _ = topics.AppendFrames(frames, scratch, []byte(line))
		}
		frames[0] = append(frames[0], 'x')
		for i, want := range []string{"tax", "tb", "tc"} {
			if string(frames[i]) != want {
				t.Errorf("room for %d: frame %d is %q, want %q", room, i, frames[i], want)
			}
		}
	}
}

func TestParseDelimiter(t *testing.T) {
	for _, c := range []struct {
		value string
		want  byte
		err   string // a part of the error; "" for none
	}{
		{" ", ' ', ""},
		{"|", '|', ""},
		{"\t", '\t', ""},
		{`\t`, '\t', ""},
		{`\\`, '\\', ""},
		{`\x1f`, 0x1f, ""},
		{`\xFF`, 0xff, ""},
		{"\xc3", 0xc3, ""},
		{"", 0, "empty"},
		{`\`, 0, "escape"},
		{`\n`, 0, "line feed"},
		{"\n", 0, "line feed"},
		{`\x0a`, 0, "line feed"},
		{`\x`, 0, "two hexadecimal digits"},
		{`\x1`, 0, "two hexadecimal digits"},
		{`\x001`, 0, "two hexadecimal digits"},
		{`\xgg`, 0, "two hexadecimal digits"},
		{`\x+1`, 0, "two hexadecimal digits"},
		{`\r`, 0, "escape"},
		{"é", 0, "2 bytes"},
		{"::", 0, "2 bytes"},
	} {
		got, err := message.ParseDelimiter(c.value)
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("ParseDelimiter(%q) = %q, %v; want %q", c.value, got, err, c.want)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("ParseDelimiter(%q): error %v, want one about %q", c.value, err, c.err)
		}
	}
}
