package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// completions writes the scripts of all programs for a shell, as make install does, and returns the folder.
func completions(t *testing.T, shell string) string {
	t.Helper()
	dir := t.TempDir()
	for _, command := range [][]string{{"omzmq", "status"}, {"omzmq"}, {"imzmq", "status"}, {"imzmq"}, {"zmqtap", "serve"}, {"zmqtap", "hub"}, {"zmqtap", "record"}, {"zmqtap", "replay"}, {"zmqtap", "status"}, {"zmqtap"}} {
		text, err := exec.Command(program(command[0]), append(command[1:], "--completion", shell)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(filepath.Join(dir, command[0]), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(text); err != nil {
			t.Fatal(err)
		}
		file.Close()
	}
	return dir
}

// completed are command lines of which the last word is completed, and what it may become. In dir are the file "file"
// and the folder "folder".
var completed = []struct {
	line []string
	want []string
}{
	{[]string{"omzmq", "--socket", ""}, []string{"dealer", "pub", "push"}},
	{[]string{"omzmq", "--socket", "p"}, []string{"pub", "push"}},
	{[]string{"omzmq", "--confirm", "s"}, []string{"sent", "stored"}},
	{[]string{"omzmq", "--log-level", "w"}, []string{"warn"}},
	{[]string{"imzmq", "--format", ""}, []string{"json", "raw"}},
	{[]string{"omzmq", "--curve-k"}, []string{"--curve-key", "--curve-keygen"}},
	{[]string{"omzmq", "--curve-key", "fi"}, []string{"file"}},
	{[]string{"omzmq", "--curve-key=fi"}, []string{"--curve-key=file"}},
	{[]string{"omzmq", "--curve-server-key", "fi"}, []string{"file"}},
	{[]string{"omzmq", "--check=f"}, []string{"--check=file", "--check=folder"}},
	{[]string{"omzmq", "--check", "fi"}, nil},
	{[]string{"zmqtap", "--check=fi"}, nil},
	{[]string{"imzmq", "--to", "k"}, []string{"kafka+tls://", "kafka://"}},
	{[]string{"imzmq", "--to", "i"}, []string{"improg"}},
	{[]string{"imzmq", "--to=rel"}, []string{"--to=relp://"}},
	{[]string{"omzmq", "--connect", "t"}, []string{"tcp://"}},
	{[]string{"omzmq", "--bind", ""}, []string{"ipc:///", "tcp://"}},
	{[]string{"zmqtap", "hub", "--out", "i"}, []string{"ipc:///"}},
	{[]string{"omzmq", "--journal", "fo"}, []string{"folder"}},
	{[]string{"omzmq", "--journal", "fi"}, nil},
	{[]string{"zmqtap", "s"}, []string{"serve", "status"}},
	{[]string{"zmqtap", "--rat"}, []string{"--rate"}},
	{[]string{"zmqtap", "--by", ""}, []string{"host", "program", "severity", "topic"}},
	{[]string{"zmqtap", "serve", "--http-token"}, []string{"--http-token-file", "--http-tokens"}},
	{[]string{"zmqtap", "serve", "--rat"}, nil},
	{[]string{"zmqtap", "hub", "--in"}, []string{"--in", "--in-connect"}},
	{[]string{"zmqtap", "re"}, []string{"record", "replay"}},
	{[]string{"zmqtap", "record", "--for"}, []string{"--for", "--force"}},
	{[]string{"zmqtap", "replay", "fi"}, []string{"file"}},
}

// complete checks what a script prints, which gets a command line as its arguments.
func complete(t *testing.T, shell ...string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range completed {
		last := len(c.line) - 1
		flag, word, is := strings.Cut(c.line[last], "=")
		line, before := c.line, ""
		if is && shell[0] == "bash" { // which takes it apart
			line, before = append(slices.Clone(c.line[:last]), flag, "=", word), flag+"="
		}
		cmd := exec.Command(shell[0], append(slices.Clone(shell[1:]), line...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", c.line, err, out)
		}
		got := strings.Fields(string(out))
		for i := range got {
			got[i] = before + strings.Replace(got[i], "folder/", "folder", 1)
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

func TestCompletionInBash(t *testing.T) {
	t.Parallel()
	complete(t, "bash", "-c", `. "$0/$1"
		compopt() { :; } # it works only while bash completes
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_$1
		printf '%s\n' "${COMPREPLY[@]}"`, completions(t, "bash"))
}

func TestCompletionInFish(t *testing.T) {
	t.Parallel()
	complete(t, "fish", "-c", `source "$argv[1]/$argv[2]"
		complete -C (string join ' ' -- $argv[2..]) | string replace -r '\t.*' ''; true`, completions(t, "fish"))
}

// zsh completes nothing without a terminal: _arguments, which is zsh's own, prints what it is asked to complete.
func TestCompletionInZsh(t *testing.T) {
	t.Parallel()
	const script = `
		_arguments() { print -rl -- "$@" }
		dir=$1; shift
		words=("$@") CURRENT=$#
		. "$dir/$1"`
	dir := completions(t, "zsh")
	for line, want := range map[string][]string{
		"omzmq ": {"--socket=[dealer, push or pub]:value:(dealer push pub)",
			"--journal=[folder for accepted but unconfirmed messages, so that a killed omzmq loses none]:folder:_files -/",
			"--dns=[DNS server, host\\:port, for dns+tcp and srv+tcp endpoints, instead of the system's]:host\\:port: "},
		"imzmq ":        {"--check=-[", `--to=[destination]:destination:compadd -S "" -- improg - relp\:// `, `*--connect=[connect to this endpoint]:endpoint:compadd -S "" -- tcp\:// `},
		"zmqtap ":       {"1: :(serve hub record replay status help)", "--rate["},
		"zmqtap serve ": {"*--http-host=[accept this name in the Host header, in addition to addresses, localhost and the host's own name]:name: "},
		"zmqtap hub ":   {"--replay-bytes="},
	} {
		out, err := exec.Command("zsh", append([]string{"-fc", script, "zsh", dir}, strings.Split(line, " ")...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", line, err, out)
		}
		for _, w := range want {
			if !strings.Contains("\n"+string(out), "\n"+w) {
				t.Errorf("%q lacks %q:\n%s", line, w, out)
			}
		}
	}
}
