package check

// Kind is a kind of fault: what is said of it, and what to do. docs/check.md has a row for each.
type Kind struct {
	Phrase string
	Cure   string
}

// Of addresses to connect to.
var (
	NoAddress = Kind{"the name leads to no address",
		"write the name as DNS has it (getent hosts NAME shows what this host finds), or let DNS know it; --dns asks another server"}
	NoDNS = Kind{"DNS says nothing about the name",
		"write a server that knows the name (--dns, /etc/resolv.conf), and let firewalls pass port 53"}
	NobodyListens = Kind{"nothing listens there",
		"start the receiver, or write the port that it listens at; ss -ltn on its host shows those"}
	Unreachable = Kind{"the host cannot be reached",
		"write the right address, and let the firewalls between the two hosts pass this port"}
	NoSocket = Kind{"there is no such Unix socket",
		"start the program that binds it first, or write the path that it binds"}
	NotPermitted = Kind{"this user may not connect",
		"let the program's user write to the socket's file, and pass the folders above it"}
	NotZeroMQ = Kind{"the peer is no ZeroMQ socket",
		"write the address of the receiver's ZeroMQ socket: another program answers at this one, or something between the hosts"}
	OldPeer = Kind{"the peer's ZeroMQ is too old",
		"let the peer use libzmq 4.0 (of 2013) or newer"}
	MechanismMismatch = Kind{"the ends have different security",
		"give both ends the flags of the same mechanism: --curve-* or --plain-*, or none; docs/security.md has them"}
	WrongServerKey = Kind{"the server has another key",
		"copy the server's public file to this host again, and name it in --curve-server-key; it is read at the start: what " +
			"runs must start again (of omprog: sudo pkill -TERM -x omzmq)"}
	ClientRefused = Kind{"the server does not let this program in",
		"put the public file of this program's --curve-key into the folder of the server's --curve-clients; if it is there, " +
			"compare the socket types"}
	WrongPassword = Kind{"the server has another user or password",
		"give both ends the same --plain-user, and the same text in --plain-password-file"}
	WrongType = Kind{"the socket types do not fit",
		"connect dealer to router, push to pull, and pub to sub: change --socket at one end, or the address"}
	HandshakeFails = Kind{"the handshake fails",
		"look into the peer's own log: it has the reason"}
)

// Of addresses to bind.
var (
	NoSuchInterface = Kind{"this host does not have the address",
		"write one of this host's addresses (ip address shows them), or *; --bind-retry waits for one that comes later"}
	AddressTaken = Kind{"another process holds the address",
		"end that process, or choose another port; as root, ss -ltnp names the process"}
	PrivilegedPort = Kind{"this user may not bind the port",
		"choose a port of 1024 or more, or give the program CAP_NET_BIND_SERVICE (AmbientCapabilities= of systemd)"}
	SocketFolder = Kind{"the Unix socket cannot be made",
		"make its folder, and let the program's user write there; remove a file of that name that is no socket"}
	CannotBind = Kind{"the address cannot be bound",
		"write host:port with an address or a name of this host"}
)

// Of destinations.
var (
	RELPFails = Kind{"imrelp does not answer",
		`load imrelp in the rsyslog there, with input(type="imrelp" port="…"), and let firewalls pass that port`}
	RedisFails = Kind{"Redis cannot be used",
		"do what the reason asks for; docs/redis.md explains each"}
	KafkaFails = Kind{"Kafka cannot be used",
		"do what the reason asks for; docs/kafka.md explains each"}
)

// Of files and users.
var (
	JournalFolder = Kind{"the journal folder cannot be used",
		"name a folder that belongs to the program's user, of mode 0700, or one that it can make"}
	JournalRoom = Kind{"there is no room for a journal",
		"make room there, which df -h FOLDER and df -i FOLDER show, or name a folder of another file system"}
	SecurityFiles = Kind{"a file for security cannot be used",
		"do what the reason asks for; docs/security.md says who must own which file, and its mode"}
	OtherFiles = Kind{"a file cannot be used",
		"do what the reason asks for"}
	OtherUser = Kind{"rsyslogd runs as another user",
		"check again as that user, because its rights count: sudo -u USER … --check"}
)

// Of rsyslog's configuration as a whole.
var (
	Unreadable = Kind{"the configuration cannot be read",
		"write the right path, and let this user read it"}
	NotRead = Kind{"a part of the configuration was not read",
		"write the right path in the include, and let this user read the file"}
	RsyslogdRefuses = Kind{"rsyslogd refuses the configuration",
		"change what rsyslogd complains about, in the file and line that it names"}
	NotStarted = Kind{"rsyslog does not start the program",
		"add an action of omprog (for imzmq an input of improg) with the program in binary=, as in rsyslog.d/"}
	NotLoaded = Kind{"the module is not loaded",
		`write module(load="omprog") before the action (for imzmq "improg", before the input)`}
	LoadedTwice = Kind{"the module is loaded twice",
		"delete all but the first module(load=…)"}
	SameQueueFile = Kind{"two queues have the same files",
		"give each queue a queue.filename of its own"}
	NoWorkFolder = Kind{"rsyslog has no folder for queues",
		`write global(workDirectory="/var/spool/rsyslog"): without it a queue with queue.filename is in memory alone`}
)

// Of binary= and of the program.
var (
	NotAbsolute = Kind{"binary= is no absolute path",
		"write the whole path: rsyslog searches no PATH, and no shell reads binary="}
	NotThere = Kind{"the program in binary= is not there",
		"write the path where it is installed: make install puts it into /usr/libexec/rsyslog"}
	NotExecutable = Kind{"the program in binary= cannot be executed",
		"chmod 755 it, and let rsyslogd's user pass the folders above; on Ubuntu, AppArmor has to let it, too"}
	FlagsRefused = Kind{"the program refuses its flags",
		"change binary= as the reason says: rsyslog would start the program again and again"}
	DoubleQuotes = Kind{"binary= has double quotes",
		"leave them out: only rsyslog 8.2306 and newer take them away"}
)

// Of what omprog is told.
var (
	NotConfirmed = Kind{"confirmMessages is off",
		`write confirmMessages="on": without it rsyslog counts each message as delivered as soon as it is in the pipe`}
	NoTransactions = Kind{"useTransactions is off",
		`write useTransactions="on": rsyslog forgets a batch that it has begun when it is stopped, and confirms line by line`}
	NoJournal = Kind{"useTransactions without --journal",
		"add --journal FOLDER: of a batch, rsyslog does not send again what a killed program had taken"}
	SharedJournal = Kind{"one journal folder for two destinations",
		"give each action a --journal folder of its own: each program delivers all that is in its folder to its own peers"}
	MarksDiffer = Kind{"the marks differ",
		"give omprog's beginTransactionMark and commitTransactionMark and the flags --begin-mark and --commit-mark the same texts"}
	ShortConfirm = Kind{"confirmTimeout is too short",
		"leave confirmTimeout out (10 s): the program says each second that it is still waiting, however long --send-timeout is"}
	SeveralBind = Kind{"--bind without forceSingleInstance",
		`write forceSingleInstance="on": each worker of the queue, and its disk part, starts a program, and only one can bind`}
	SharedPipe = Kind{"several workers share one program",
		`write queue.workerThreads="1": where workers share a pipe, nothing shows whose batch comes again after a failure`}
	NotKilled = Kind{"killUnresponsive is off",
		`write killUnresponsive="on": otherwise a frozen program stays, beside the one that rsyslog starts in its place`}
	ShortClose = Kind{"closeTimeout is not longer than --linger",
		"write a closeTimeout (in milliseconds) longer than --linger (4 s), so that the program can finish"}
	EndsAtHUP = Kind{"hup.signal ends the program",
		`write hup.signal="HUP", or leave it out`}
	LogLost = Kind{"output= is missing",
		`write output="/var/log/NAME.log": otherwise what the program logs goes to /dev/null`}
)

// Of the action's queue.
var (
	SmallQueue = Kind{"queue.size is too small",
		"write a queue.size of several times queue.dequeueBatchSize: when the queue is full, rsyslog throws messages away"}
	DirectQueue = Kind{"the action has no queue",
		`write queue.type="LinkedList" and queue.filename: without a queue, everything else waits while the peers are away`}
	MemoryQueue = Kind{"the queue is in memory alone",
		"write queue.filename: otherwise what is in the queue is lost at rsyslog's stop, and what it has no room for"}
	NotSaved = Kind{"queue.saveOnShutdown is off",
		`write queue.saveOnShutdown="on": otherwise what is in memory is lost at rsyslog's stop`}
	ShortShutdown = Kind{"queue.timeoutShutdown is short",
		`write queue.timeoutShutdown="10000": a batch that has begun when rsyslog is stopped needs the time to end`}
	GivesUp = Kind{"action.resumeRetryCount is not -1",
		`write action.resumeRetryCount="-1": otherwise rsyslog throws a batch away that has failed`}
)

// Of the template.
var (
	NoTemplate = Kind{"there is no such template",
		"define the template, or write the name of one that is there; case counts; if another file has it, check the whole configuration"}
	NoLineFeed = Kind{"the template does not end with a line feed",
		`let the template end with \n: omprog's messages are lines`}
	InnerLineFeed = Kind{"the template makes several lines of a message",
		`write \n at the template's end only: rsyslog waits for one reply to each message, and the program gives one to each line`}
	RawLineFeed = Kind{"a line feed in a message gets through the template",
		`escape it: %msg:::escape-cc%, or controlCharacters="escape" or format="jsonf" in a list`}
	Forgeable = Kind{"whoever can log can forge the marks of a batch",
		`begin the template with <%pri%> or {, so that no message looks like BEGIN TRANSACTION`}
	UnknownTemplate = Kind{"what the template makes is not known",
		"use a template of type string or list, whose lines can be judged"}
)

// Of inputs and actions beside.
var (
	DropsWhenFull = Kind{`imrelp without flowControl="full"`,
		`write flowControl="full": otherwise imrelp confirms messages that a full queue throws away`}
	ShortTimeout = Kind{"omrelp's timeout is not longer than --send-timeout",
		"write a timeout (in seconds) longer than --send-timeout (30 s), or omrelp gives up while the program still waits"}
)

// Kinds returns all kinds, in the order of docs/check.md.
func Kinds() []Kind {
	return []Kind{
		NoAddress, NoDNS, NobodyListens, Unreachable, NoSocket, NotPermitted, NotZeroMQ, OldPeer, MechanismMismatch,
		WrongServerKey, ClientRefused, WrongPassword, WrongType, HandshakeFails,
		NoSuchInterface, AddressTaken, PrivilegedPort, SocketFolder, CannotBind,
		RELPFails, RedisFails, KafkaFails,
		JournalFolder, JournalRoom, SecurityFiles, OtherFiles, OtherUser,
		Unreadable, NotRead, RsyslogdRefuses, NotStarted, NotLoaded, LoadedTwice, SameQueueFile, NoWorkFolder,
		NotAbsolute, NotThere, NotExecutable, FlagsRefused, DoubleQuotes,
		NotConfirmed, NoTransactions, NoJournal, SharedJournal, MarksDiffer, ShortConfirm, SeveralBind, SharedPipe, NotKilled,
		ShortClose, EndsAtHUP, LogLost,
		SmallQueue, DirectQueue, MemoryQueue, NotSaved, ShortShutdown, GivesUp,
		NoTemplate, NoLineFeed, InnerLineFeed, RawLineFeed, Forgeable, UnknownTemplate,
		DropsWhenFull, ShortTimeout,
	}
}
