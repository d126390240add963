package rsyslogconf

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"sort"
	"strings"
	"testing"
)

// memory is a file system of a few files.
type memory map[string]string

func (m memory) files() Files {
	return Files{
		Read: func(name string, limit int) ([]byte, error) {
			text, there := m[name]
			if !there {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			if len(text) > limit {
				return nil, fmt.Errorf("%s is too long", name)
			}
			return []byte(text), nil
		},
		Glob: func(pattern string) (names []string, err error) {
			for name := range m {
				if ok, err := path.Match(pattern, name); err != nil {
					return nil, err
				} else if ok {
					names = append(names, name)
				}
			}
			sort.Sort(sort.Reverse(sort.StringSlice(names))) // the reader sorts
			return names, nil
		},
		Env: func(name string) (string, bool) {
			if name == "PREFIX" {
				return "/opt", true
			}
			return "", false
		},
	}
}

func parse(text string) *Config { return Parse("f", text, memory{}.files()) }

// Every way to write a value.
func TestValues(t *testing.T) {
	for _, test := range []struct {
		written, want string
		unknown       bool
	}{
		{`"plain"`, "plain", false},
		{`"a \"quoted\" word"`, `a "quoted" word`, false},
		{`"tab\tfeed\nbackslash\\t"`, "tab\tfeed\nbackslash\\t", false},
		{`"octal\101 hex\x42 \q"`, "octalA hexB q", false},
		{`"\12"`, "\n", false},
		{`"\xzz \x4"`, `\xzz \x4`, false},
		{`'single "with" double'`, `single "with" double`, false},
		{`'it\'s'`, "it's", false},
		{"`echo /usr/bin`", "/usr/bin", false},
		{"`echo $PREFIX/bin ${PREFIX}s`", "/opt/bin /opts", false},
		{"`echo $HOME/x`", "/x", true},
		{"`date`", "", true},
		{`bare`, "bare", false},
		{`["a", "b\n"]`, "a\nb\n", false},
		{`"over
two lines"`, "over\ntwo lines", false},
		{`"# no comment" /* a comment */`, "# no comment", false},
		{`""`, "", false},
	} {
		c := parse("action(type=\"x\" Value.X = " + test.written + " last=\"1\")")
		if len(c.Objects) != 1 {
			t.Errorf("%s: %d objects", test.written, len(c.Objects))
			continue
		}
		o := &c.Objects[0]
		if v := o.Params["value.x"]; v.Text != test.want || v.Unknown != test.unknown {
			t.Errorf("%s is %q, %v, want %q, %v", test.written, v.Text, v.Unknown, test.want, test.unknown)
		}
		if o.Text("last") != "1" {
			t.Errorf("%s: what comes after it is %v", test.written, o.Params)
		}
	}
}

// A file of a command in backticks, which is read where it can be.
func TestCat(t *testing.T) {
	c := Parse("f", "action(a=`cat /there` b=`cat /not`)", memory{"/there": "text"}.files())
	if a, b := c.Objects[0].Params["a"], c.Objects[0].Params["b"]; a.Text != "text" || a.Unknown || !b.Unknown || len(c.Problems) != 1 {
		t.Errorf("%+v %+v %v", a, b, c.Problems)
	}
}

// Where objects stand, what comments them out, and what only looks like one.
func TestObjects(t *testing.T) {
	const text = `# action(name="in a comment")
/* action(name="in a long
comment") */
module(load="imuxsock") # action(name="after one")
$ModLoad omprog
:msg, contains, "action(name=\"in a string\")" stop
*.* /var/log/*.log
local0.* ACTION (NAME="upper" Type='omprog')
if $msg contains 'action(name="quoted")' and $!action == "x" then {
	action(name="nested" # with a comment
	       type="omprog" /* and another ) */ x="1")
} else if prifilt("*.*") then action(name="else")
ruleset(name="rules" queue.type="LinkedList") {
	action(name="in rules")
	if $syslogseverity < 4 then { action(name="deep in rules") }
}
ruleset(name="off" config.enabled="off") { action(name="disabled with it") }
action(name="disabled" config.enabled="off")
action(name="enabled" config.enabled="on")
action(name="no parameters"
`
	c := parse(text)
	var got []string
	for _, o := range c.Objects {
		got = append(got, fmt.Sprintf("%d %s %s%s %s", o.Line, o.Kind, o.Text("name"), o.Text("load"), o.Ruleset))
	}
	want := []string{
		"4 module imuxsock ", "5 module omprog ", "8 action upper ", "10 action nested ", "12 action else ",
		"13 ruleset rules ", "14 action in rules rules", "15 action deep in rules rules",
		"19 action enabled ", "20 action no parameters ",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if at := c.Objects[3].At("type"); at.Line != 11 {
		t.Errorf("a parameter on another line is at %v", at)
	}
}

func TestLegacy(t *testing.T) {
	const text = `$WorkDirectory /var/spool/rsyslog
$PrivDropToUser syslog
$EscapeControlCharactersOnReceive off
$template Plain,"%msg%\n",json
$template Plug,=Strgen
$ActionQueueType LinkedList
$ActionQueueFileName q
$ActionOMProgBinary /usr/bin/omzmq \
  --connect tcp://a:1
$ActionResumeRetryCount -1
*.* :omprog:;Plain
*.info :omprog:
`
	c := parse(text)
	for name, want := range map[string]string{
		"workdirectory": "/var/spool/rsyslog", "privdrop.user.name": "syslog", "parser.escapecontrolcharactersonreceive": "off",
	} {
		if v, there := c.Global(name); !there || v.Text != want {
			t.Errorf("%s is %q, want %q", name, v.Text, want)
		}
	}
	actions := c.Find("action")
	if len(actions) != 2 {
		t.Fatalf("%d actions", len(actions))
	}
	want := map[string]string{"type": "omprog", "queue.type": "LinkedList", "queue.filename": "q", "action.resumeretrycount": "-1",
		"binary": "/usr/bin/omzmq   --connect tcp://a:1", "template": "Plain"}
	for name, value := range want {
		if actions[0].Text(name) != value {
			t.Errorf("%s is %q, want %q", name, actions[0].Text(name), value)
		}
	}
	if second := actions[1]; second.Line != 12 || second.Has("queue.type") || !second.Has("binary") {
		t.Errorf("the second action is %+v", second)
	}
	if p := c.Template("Plain"); len(p.Parts) != 2 || !p.Parts[0].Escaped || p.Parts[1].Constant != "\n" {
		t.Errorf("%+v", p)
	}
	if p := c.Template("Plug"); !p.Opaque {
		t.Errorf("%+v", p)
	}
}

func TestIncludes(t *testing.T) {
	m := memory{
		"/etc/rsyslog.conf": "$IncludeConfig /etc/rsyslog.d/*.conf\ninclude(file=\"/etc/more/\")\n" +
			"include(file=\"/etc/none\" mode=\"optional\")\ninclude(file=\"/etc/missing\")\n" +
			"include(text=\"action(name='text')\")\nif 1 then { include(file=\"/etc/in\") }\n" +
			"include(file=\"/etc/off\" config.enabled=\"off\")\naction(name=\"last\")",
		"/etc/rsyslog.d/20-b.conf":   `action(name="b")`,
		"/etc/rsyslog.d/10-a.conf":   `action(name="a")`,
		"/etc/rsyslog.d/.hidden":     `action(name="hidden")`,
		"/etc/rsyslog.d/.x.conf":     `action(name="hidden")`,
		"/etc/rsyslog.d/10-a.conf.x": `action(name="other")`,
		"/etc/more/m":                `include(file="/etc/rsyslog.conf") action(name="m")`,
		"/etc/in":                    `action(name="in")`,
		"/etc/off":                   `action(name="off")`,
	}
	c, err := Read("/etc/rsyslog.conf", m.files())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range c.Find("action") {
		names = append(names, o.Text("name"))
	}
	if got := strings.Join(names, " "); got != "a b m text in last" {
		t.Errorf("actions: %s", got)
	}
	if len(c.Problems) != 2 || !strings.Contains(c.Problems[0].Text, "includes itself") || c.Problems[0].File != "/etc/more/m" ||
		!strings.Contains(c.Problems[1].Text, "/etc/missing") || c.Problems[1].Line != 4 {
		t.Errorf("problems: %v", c.Problems)
	}
	if _, err := Read("/not/there", m.files()); err == nil {
		t.Error("a file that is not there was read")
	}
}

// What is too much is left out, and named.
func TestLimits(t *testing.T) {
	m := memory{"/f": strings.Repeat("include(file=\"/g*\")\n", MaxFiles)}
	for i := range MaxFiles {
		m[fmt.Sprintf("/g%03d", i)] = "action(a=\"1\")"
	}
	m["/deep0"] = "include(file=\"/deep1\")"
	for i := range 2 * MaxDepth {
		m[fmt.Sprintf("/deep%d", i)] = fmt.Sprintf("include(file=\"/deep%d\")", i+1)
	}
	m["/long"] = strings.Repeat("x", MaxFile+1)
	c, err := Read("/f", m.files())
	if err != nil || len(c.Files) != MaxFiles || len(c.Problems) != MaxFiles {
		t.Errorf("%d files, %d problems, %v", len(c.Files), len(c.Problems), err)
	}
	if c, _ := Read("/deep0", m.files()); len(c.Files) != MaxDepth || len(c.Problems) != 1 {
		t.Errorf("%d files, %v", len(c.Files), c.Problems)
	}
	if _, err := Read("/long", m.files()); err == nil {
		t.Error("a file that is too long was read")
	}
	m["/sum"], m["/mib"] = strings.Repeat("include(file=\"/mib\")\n", MaxTotal/MaxFile+1), strings.Repeat(" ", MaxFile)
	if c, _ := Read("/sum", m.files()); len(c.Files) != 1+MaxTotal/MaxFile || len(c.Problems) != 1 {
		t.Errorf("%d files, %v", len(c.Files), c.Problems)
	}
	many := parse(strings.Repeat("action()\n", 2*maxItems))
	if len(many.Objects) > maxItems {
		t.Errorf("%d objects", len(many.Objects))
	}
	parse(strings.Repeat("template(){", 10000))
	parse(strings.Repeat("}", 1000) + `action(name="x")`)
}

func TestTemplates(t *testing.T) {
	const text = `
template(name="string" type="string" string="<%pri%>1 %timereported:::date-rfc3339% 100\\% %msg:::escape-cc,drop-last-lf% %msg:R,ERE,1,DFLT:x(.*)--end:json%\n")
template(name="list" type="list") {
	constant(value="<") property(name="PRI") # a comment
	constant(value="> \\t")
	property(name="msg" controlCharacters="escape")
	property(outname="x" name="$!x" format="jsonf")
	property(name="rawmsg") constant(value="\n")
}
template(name="json" type="list" option.jsonf="on") { property(outname="m" name="msg" format="jsonf") }
template(name="tree" type="subtree" subtree="$!")
template(name="plug" type="plugin" plugin="p")
template(name="of text" type="string" string=` + "`echo $UNKNOWN`" + `)
`
	c := parse(text)
	for name, want := range map[string][]Part{
		"string": {{Constant: "<"}, {Property: "pri"}, {Constant: ">1 "}, {Property: "timereported"}, {Constant: " 100% "},
			{Property: "msg", Escaped: true}, {Constant: " "}, {Property: "msg", Escaped: true}, {Constant: "\n"}},
		"list": {{Constant: "<"}, {Property: "pri"}, {Constant: "> \t"}, {Property: "msg", Escaped: true}, {Property: "$!x", Escaped: true},
			{Property: "rawmsg"}, {Constant: "\n"}},
		"json": {{Constant: "{"}, {Property: "msg", Escaped: true}, {Constant: "}\n"}},
		"tree": {{Constant: "{"}, {Property: "subtree", Escaped: true}, {Constant: "}"}},
		"RSYSLOG_TraditionalForwardFormat": {{Constant: "<"}, {Property: "pri"}, {Constant: ">"}, {Property: "timestamp"}, {Constant: " "},
			{Property: "hostname"}, {Constant: " "}, {Property: "syslogtag"}, {Property: "msg"}, {Property: "msg"}},
	} {
		if got := c.Template(name); got == nil || !reflect.DeepEqual(got.Parts, want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
	for _, name := range []string{"plug", "of text"} {
		if !c.Template(name).Opaque {
			t.Errorf("%s is said to be known", name)
		}
	}
	if c.Template("LIST") != nil {
		t.Error("names are compared without case")
	}
}
