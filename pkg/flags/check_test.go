package flags

import (
	"io"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		args   []string
		plugin bool
		want   Check
		wrong  string
	}{
		{[]string{"--bind", "tcp://*:1"}, true, Check{}, ""},
		{[]string{"--bind", "tcp://*:1", "--check"}, true, Check{Wanted: true}, ""},
		{[]string{"--check=f"}, true, Check{Wanted: true, File: "f"}, ""},
		{[]string{"--bind", "tcp://*:1", "--check=f"}, true, Check{Wanted: true, File: "f"}, ""},
		{[]string{"--check"}, true, Check{}, "no endpoint"},
		{[]string{"--check="}, true, Check{}, "the path of rsyslog's configuration"},
		{[]string{"--check", "f", "--bind", "tcp://*:1"}, true, Check{}, `unexpected argument "f": the value of --check comes after a =: --check=f`},
		{[]string{"--check", "a b"}, true, Check{}, `--check='a b'`},
		{[]string{"--bind", "tcp://*:1", "--version=false", "--check", "false"}, false, Check{}, "--check=false"},
		{[]string{"--bind", "tcp://*:1", "--check", "g"}, false, Check{}, "every setting is a flag"},
		{[]string{"--bind", "f", "f"}, true, Check{}, "every setting is a flag"},
		{[]string{"--bind", "tcp://*:1", "--check"}, false, Check{Wanted: true}, ""},
		{[]string{"--check=x"}, false, Check{}, "invalid"},
	} {
		c := &Common{}
		err := c.Parse(NewSet(Program{Name: "p", Plugin: test.plugin}, c), "", test.args, io.Discard)
		if test.wrong != "" {
			wantUsageError(t, err, test.wrong)
		} else if err != nil || c.Check != test.want {
			t.Errorf("%q: %+v, %v", test.args, c.Check, err)
		}
	}
}
