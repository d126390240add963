#!/usr/bin/python3
"""make.py: writes the lines of twelve kinds of programs, and what each says, into KIND.json beside it; the same every time.

A row's fields are the parts that the line is made of, not what a parser has found in it. "differs" has the fields that
rsyslogd reads otherwise, and why this project does so.
"""
import json
import os
import random

ROWS = 170  # of each kind
HOSTS = ["web1", "web2.example.com", "db-3", "192.0.2.17", "mail_gw", "k8s-node-04.fra1"]
SEVERITIES = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

PLAIN = "a line without a time has no header; rsyslogd takes its first words for host and tag"
LOGGER = "a logger's line, which has no PRI: what follows the time is neither host nor tag"
BOM = "the byte order mark is no text"
ENDS = "a line feed at the end is no text; rsyslogd drops one"
PATH = "the program of a path is its last element; rsyslogd has none"
TAB = "a tag ends at a tab or line feed, too"

r = random.Random(3164)


def ip():
    return f"{r.choice(['192.0.2', '198.51.100', '203.0.113'])}.{r.randint(1, 254)}"


def number(most=65535):
    return str(r.randint(1, most))


def clock():
    return f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}"


def date():
    return r.randint(1, 12), r.randint(1, 28)


def fill(text):
    """Replaces what is in braces by something of the kind."""
    made = {"ip": ip, "n": number, "pid": lambda: number(32768), "port": lambda: str(r.randint(1024, 65535)),
            "user": lambda: r.choice(["root", "deploy", "alice", "bob", "git", "postgres"]),
            "path": lambda: r.choice(["/", "/api/v1/items", "/static/app.js", "/login?next=%2F", "/häuser/7"]),
            "hex": lambda: f"{r.getrandbits(64):016x}", "ms": lambda: f"{r.random() * 900:.3f}",
            "code": lambda: r.choice(["200", "204", "301", "404", "499", "502"])}
    for name, make in made.items():
        while "{" + name + "}" in text:
            text = text.replace("{" + name + "}", make(), 1)
    return text


def row(line, why="", differs="", **fields):
    made = {"line": line}
    made.update({k: v for k, v in fields.items() if v not in ("", None)})
    if differs:
        made["differs"] = {"why": why, "fields": differs.split()}
    return made


def stamps():
    """A moment as RFC 3339 writes it, as RFC 3164 does, and as the latter is compared."""
    month, day = date()
    at = clock()
    zone = r.choice(["Z", "+02:00", "-07:00", "+05:30"])
    fraction = r.choice(["", ".123456", ".003", ".5"])
    return (f"2026-{month:02}-{day:02}T{at}{fraction}{zone}", f"{MONTHS[month - 1]} {day:2} {at}",
            f"{month:02}-{day:02} {at}")


def framed(form, pri, program, pid, text, structured="-", msgid="-", host=None, **more):
    """A line of syslog in one of the forms that rsyslogd writes and reads."""
    host = host or r.choice(HOSTS)
    full, short, compared = stamps()
    tag = program + (f"[{pid}]" if pid else "") + ":"
    fields = {"host": host, "program": program, "pid": pid, "text": text}
    if form in ("5424", "3164", "forward"):
        fields.update(facility=pri >> 3, severity=SEVERITIES[pri & 7])
    if form == "5424":
        line = f"<{pri}>1 {full} {host} {program} {pid or '-'} {msgid} {structured} {text}"
        fields.update(time=full, msgid="" if msgid == "-" else msgid, structured="" if structured == "-" else structured)
    elif form == "3164":
        line, fields["time"] = f"<{pri}>{short} {host} {tag} {text}", compared
    elif form == "forward":
        line, fields["time"] = f"<{pri}>{full} {host} {tag} {text}", full
    elif form == "file":
        line, fields["time"] = f"{full} {host} {tag} {text}", full
    else:
        line, fields["time"] = f"{short} {host} {tag} {text}", compared
    fields.update(more)
    return row(line, **fields)


FORMS = ["5424", "3164", "forward", "file", "traditional"]


def syslog(programs, priorities, texts):
    for i in range(ROWS):
        program = programs[i % len(programs)]
        pid = "" if program == "kernel" else number(32768)
        yield framed(FORMS[i % 5], r.choice(priorities), program, pid, fill(texts[i % len(texts)]))


def sshd():
    return syslog(["sshd", "sshd", "sshd-session", "sudo"], [86, 83, 85, 84], [
        "Accepted publickey for {user} from {ip} port {port} ssh2: ED25519 SHA256:{hex}",
        "Failed password for invalid user {user} from {ip} port {port} ssh2",
        "Failed password for {user} from {ip} port {port} ssh2",
        "Invalid user {user} from {ip} port {port}",
        "Received disconnect from {ip} port {port}:11: disconnected by user",
        "Disconnected from user {user} {ip} port {port}",
        "pam_unix(sshd:session): session opened for user {user}(uid=0) by (uid=0)",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user={user}",
        "Connection closed by authenticating user {user} {ip} port {port} [preauth]",
        "error: kex_exchange_identification: Connection closed by remote host",
        "error: maximum authentication attempts exceeded for {user} from {ip} port {port} ssh2 [preauth]",
        "   {user} : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/usr/bin/apt update",
        "Server listening on :: port 22.",
    ])


def nginx():
    texts = ['{ip} - - [11/Oct/2026:22:14:15 +0000] "GET {path} HTTP/1.1" {code} {n} "-" "curl/8.5.0"',
             '{ip} - {user} [11/Oct/2026:22:14:15 +0000] "POST {path} HTTP/2.0" {code} {n} "https://example.com/" "Mozilla/5.0 (X11; Linux x86_64)"']
    levels = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"]
    for i in range(ROWS):
        if i % 3 == 0:
            yield framed(FORMS[i % 5], 190, "nginx", "", fill(texts[i % 2]))
            continue
        level = r.choice(levels)
        text = fill(f"2026/10/11 {clock()} [{level}] " + r.choice([
            '{n}#{n}: *{n} open() "/usr/share/nginx/html/favicon.ico" failed (2: No such file or directory), client: {ip}',
            "{n}#{n}: *{n} upstream timed out (110: Connection timed out) while reading response header from upstream",
            "1#1: signal 17 (SIGCHLD) received from {n}"]))
        named = SEVERITIES[levels.index(level)]
        if i % 3 == 1:
            form = FORMS[i % 5]
            sure = {} if form in ("5424", "3164", "forward") else {"severity": named}
            yield framed(form, 187, "nginx", "", text, **sure)
        elif i % 2:
            yield row(text, PLAIN, "program text", severity=named, text=text)
        else:
            text = fill(texts[i % 4 // 2])
            yield row(text, PLAIN, "host text", text=text)


def kernel():
    texts = [
        "[{ms}] usb 1-1: new high-speed USB device number 4 using xhci_hcd",
        "[{ms}] Out of memory: Killed process {pid} (java) total-vm:{n}kB, anon-rss:{n}kB, file-rss:0kB",
        "[UFW BLOCK] IN=eth0 OUT= MAC= SRC={ip} DST={ip} LEN=40 TOS=0x00 TTL=244 ID={n} PROTO=TCP SPT={port} DPT=22",
        "EXT4-fs (sda1): mounted filesystem with ordered data mode. Quota mode: none.",
        "nf_conntrack: table full, dropping packet", "perf: interrupt took too long (2508 > 2500)",
        "eth0: Link is Up - 1Gbps/Full - flow control rx/tx",
        'audit: type=1400 audit({ms}:{n}): apparmor="DENIED" pid={pid} comm="rsyslogd"',
        "CPU{n}: Core temperature above threshold, cpu clock throttled",
    ]
    yield from syslog(["kernel"], [6, 4, 3, 5, 2], texts)


def postgres():
    yield from syslog(["postgres"], [134, 131, 132, 129], [
        "[{n}-1] 2026-10-11 22:14:15.123 UTC [{pid}] {user}@shop LOG:  duration: {ms} ms  statement: SELECT * FROM items",
        "[{n}-1] 2026-10-11 22:14:15.123 UTC [{pid}] {user}@shop ERROR:  relation \"itmes\" does not exist at character 15",
        "[{n}-2] 2026-10-11 22:14:15.123 UTC [{pid}] {user}@shop STATEMENT:  SELECT * FROM itmes",
        "[{n}-1] FATAL:  password authentication failed for user \"{user}\"",
        "[{n}-1] LOG:  checkpoint complete: wrote {n} buffers (0.3%); write={ms} s, sync={ms} s",
        "[{n}-1] WARNING:  there is no transaction in progress",
        "[{n}-1] LOG:  connection received: host={ip} port={port}",
    ])


def systemd():
    yield from syslog(["systemd", "systemd-logind", "systemd-resolved", "systemd-networkd"], [30, 28, 27, 29], [
        "Started Session {n} of User {user}.", "Starting Daily apt download activities...",
        "nginx.service: Main process exited, code=exited, status=1/FAILURE",
        "nginx.service: Failed with result 'exit-code'.", "New session {n} of user {user}.",
        "Removed session {n}.", "eth0: Gained carrier", "Server returned error NXDOMAIN, mitigating potential DNS violation",
        "run-docker-runtime\\x2drunc-moby-{hex}.mount: Deactivated successfully.", "user@1000.service: Consumed {ms}s CPU time.",
    ])


def cron():
    for i in range(ROWS):
        program, path = r.choice([("CRON", "CRON"), ("crond", "crond"), ("anacron", "anacron"), ("CRON", "/USR/SBIN/CRON")])
        made = framed(FORMS[i % 5], r.choice([78, 77, 75]), program, number(32768), fill(r.choice([
            "({user}) CMD (cd / && run-parts --report /etc/cron.hourly)", "pam_unix(cron:session): session opened for user {user}",
            "({user}) CMD ([ -x /usr/bin/mrtg ] && env LANG=C /usr/bin/mrtg /etc/mrtg.cfg 2>&1)", "Job `cron.daily' terminated",
            "({user}) RELOAD (crontabs/{user})", "(*system*) NUMBER OF HARD LINKS > 1 (/etc/crontab)"])))
        if path != program:
            made["line"] = made["line"].replace(f" {program}", f" {path}", 1)
            made["differs"] = {"why": PATH, "fields": ["program"]}
        yield made


JAVA = """java.lang.IllegalStateException: cannot charge
\tat com.example.Billing.charge(Billing.java:{n})
\tat com.example.Main.main(Main.java:12)
Caused by: java.net.SocketTimeoutException: Read timed out
\t... 12 more"""


def java():
    levels = {"ERROR": "err", "WARN": "warning", "INFO": "info", "DEBUG": "debug", "TRACE": "debug", "FATAL": "crit", "SEVERE": "err"}
    for i in range(ROWS):
        level = r.choice(list(levels))
        said = fill(r.choice(["started in {ms} s", "GET {path} {code}", "cannot charge\n" + JAVA, "pool is full ({n})"]))
        if i % 5 == 0:  # logback, log4j
            text = f"2026-10-11 {clock()},123 {level} [main] com.example.App - {said}"
            yield row(text, PLAIN, "host program text", severity=levels[level], text=text)
        elif i % 5 == 1:  # logback's default
            text = f"{clock()}.123 [http-nio-8080-exec-{number(9)}] {level:5} com.example.App -- {said}"
            yield row(text, PLAIN, "program text", severity=levels[level], text=text)
        elif i % 5 == 2:  # Spring Boot
            full, _, _ = stamps()
            text = f"{level:>5} {number(9999)} --- [           main] c.e.App                   : {said}"
            two = full + " " + text
            yield row(two, LOGGER, "host program text" if len(level) >= 5 else "", time=full,
                      severity=levels[level], text=text.lstrip())
        else:
            text = f"{level} [main] com.example.App - {said}"
            yield framed(["5424", "3164", "forward"][i % 3], r.choice([11, 12, 14]), "billing", number(32768), text,
                         structured='[app@32473 thread="main" logger="com.example.App"]' if i % 3 == 0 else "-")


PYTHON = """Traceback (most recent call last):
  File "/srv/billing/app.py", line {n}, in charge
    raise ValueError("no such account: {user}")
ValueError: no such account: {user}"""


def python():
    levels = {"CRITICAL": "crit", "ERROR": "err", "WARNING": "warning", "INFO": "info", "DEBUG": "debug"}
    for i in range(ROWS):
        level = r.choice(list(levels))
        said = fill(r.choice(["charged {user}", "retry {n} of 5", "cannot charge\n" + PYTHON, "GET {path} -> {code}"]))
        if i % 5 == 0:  # logging.basicConfig
            text = f"{level}:billing:{said}"
            yield row(text, PLAIN, "program text", severity=levels[level], text=text)
        elif i % 5 == 1:
            text = f"2026-10-11 {clock()},{r.randint(0, 999):03} - billing - {level} - {said}"
            yield row(text, PLAIN, "host program text", severity=levels[level], text=text)
        elif i % 5 == 2:  # pyzmq's PUBHandler
            yield row(said + "\n", PLAIN, "host text" if said.startswith("GET") else "host program text",
                      topic=f"billing.{level}", severity=levels[level], text=said)
        else:  # SysLogHandler
            yield framed(["5424", "3164", "forward", "file"][i % 4], r.choice([11, 12, 14]), "billing", number(32768), said)


def json_lines():
    full, _, _ = stamps()
    host, said, pid, n = r.choice(HOSTS), fill(r.choice(["charged {user}", "GET {path} {code}", "two\nlines", 'said "{user}"'])), int(number()), int(number())
    iso = {"time": full}
    yield {"time": full, "level": "WARN", "msg": said, "n": n}, dict(iso, severity="warning")
    yield {"level": "error", "ts": 1791756855.25, "caller": "app/main.go:12", "msg": said, "user": {"id": n}}, dict(time="2026-10-11T22:14:15.25Z", severity="err")
    yield {"level": "info", "time": full, "message": said, "list": [1, {"a": None}, True]}, dict(iso, severity="info")
    yield {"level": 50, "time": 1791756855123, "pid": pid, "hostname": host, "msg": said}, dict(time="2026-10-11T22:14:15.123Z", host=host, pid=str(pid), severity="err")
    yield {"name": "app", "hostname": host, "pid": pid, "level": 30, "msg": said, "time": full, "v": 0}, dict(iso, host=host, pid=str(pid), severity="info")
    yield {"event": said, "level": "critical", "timestamp": full, "logger": "billing"}, dict(iso, severity="crit")
    yield {"@t": full, "@m": said, "@l": "Fatal", "n": n}, dict(iso, severity="crit")
    yield {"@timestamp": full, "log.level": "warn", "message": said, "ecs.version": "8.11", "event": {"dataset": "app"}}, dict(iso, severity="warning")
    yield {"version": "1.1", "host": host, "short_message": said, "timestamp": 1791756855.5, "level": 3, "_user": "x"}, dict(time="2026-10-11T22:14:15.5Z", host=host, severity="err")
    yield {"log": said + "\n", "stream": "stderr", "time": full}, iso
    yield {"MESSAGE": said, "_HOSTNAME": host, "SYSLOG_IDENTIFIER": "sshd", "_PID": str(pid), "PRIORITY": "6", "SYSLOG_FACILITY": "10",
           "__REALTIME_TIMESTAMP": "1791756855123456"}, dict(time="2026-10-11T22:14:15.123456Z", host=host, program="sshd", pid=str(pid), severity="info", facility=10)
    yield {"msg": " " + said, "timereported": full, "hostname": host, "syslogtag": f"app[{pid}]:", "pri": "134", "programname": "app",
           "procid": str(pid), "syslogfacility": "16", "syslogseverity": "6"}, dict(iso, host=host, program="app", pid=str(pid), severity="info", facility=16)


def jsons():
    rows = []
    while len(rows) < ROWS:
        for made, fields in json_lines():
            text = next(str(made[k]) for k in ("msg", "message", "event", "@m", "short_message", "log", "MESSAGE") if isinstance(made.get(k), str))
            fields = dict(fields, text=text.lstrip(" ").rstrip("\n"), fields=made)
            line = json.dumps(made, ensure_ascii=len(rows) % 2 == 0)
            if len(rows) % 3 == 0 and "severity" in fields:  # in a message of syslog, as mmjsonparse reads it
                one = framed(["5424", "3164", "forward"][len(rows) % 9 // 3], 14, "app", number(32768), line)
                one.update(line=one["line"].replace(line, ("@cee: " if len(rows) % 2 else "@cee:") + line), text=fields["text"], fields=made)
                one["differs"] = {"why": "the text is what the object says", "fields": ["text"]}
            else:
                why = "rsyslogd does not look into an object for a header"
                rsyslogd = "host program time pid text"
                one = row(line, why, " ".join(k for k in rsyslogd.split() if fields.get(k)), **fields)
            rows.append(one)
    return rows[:ROWS]


def windows():
    for i in range(ROWS):
        pid, event = number(9999), r.choice(["4624", "4625", "4688", "7036"])
        text = fill(r.choice(["An account was successfully logged on.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-5-18\r\n\tAccount Name:\t\t{user}",
                              "The Windows Update service entered the running state.", "A new process has been created."]))
        sd = f'[NXLOG@14506 EventReceivedTime="2026-10-11 22:14:15" SourceModuleName="in" Keywords="-9214364837600034816" EventID="{event}" Path="C:\\\\Windows\\\\x \\"a\\" [b\\]"]'
        if i % 5 < 2:  # NXLog, to_syslog_ietf()
            yield framed("5424", r.choice([14, 12, 11]), "Microsoft-Windows-Security-Auditing", pid, text, structured=sd, host="DC01.corp.example", msgid=r.choice(["-", event]))
        elif i % 5 == 2:  # NXLog, to_syslog_bsd()
            yield framed("3164", 14, "Microsoft-Windows-Security-Auditing", pid, text, host="DC01.corp.example")
        elif i % 5 == 3:  # Snare
            _, short, compared = stamps()
            said = "\t".join(["1", "Security", number(), "Sun Oct 11 22:14:15 2026", event, "Microsoft-Windows-Security-Auditing", text.split("\r")[0]])
            yield row(f"<14>{short} DC01 MSWinEventLog\t{said}", TAB, "text", time=compared, host="DC01", program="MSWinEventLog", facility=1, severity="info", text=said)
        else:  # Winlogbeat
            full, _, _ = stamps()
            made = {"@timestamp": full, "message": text, "log": {"level": "information"}, "host": {"name": "DC01"}, "winlog": {"event_id": int(event), "process": {"pid": int(pid)}}}
            yield row(json.dumps(made), "rsyslogd does not look into an object for a header", "time text", time=full, severity="info", text=text, fields=made)


def cisco():
    for i in range(ROWS):
        pri = r.choice([166, 164, 163, 165])
        code = f"%ASA-{pri & 7}-" + r.choice(["302013", "302014", "106023", "111008"])
        said = fill(r.choice(["Built outbound TCP connection {n} for outside:{ip}/443 ({ip}/443) to inside:{ip}/{port} ({ip}/{port})",
                              "Teardown TCP connection {n} for outside:{ip}/443 to inside:{ip}/{port} duration 0:00:30 bytes {n} TCP FINs",
                              'Deny tcp src outside:{ip}/{port} dst inside:{ip}/22 by access-group "outside_in" [0x0, 0x0]',
                              "User 'enable_15' executed the 'write memory' command."]))
        month, day = date()
        at = clock()
        short, known = f"{MONTHS[month - 1]} {day:02}", dict(facility=pri >> 3, severity=SEVERITIES[pri & 7])
        when = f"2026-{month:02}-{day:02} {at}"
        if i % 4 == 0:  # logging timestamp
            yield row(f"<{pri}>{short} 2026 {at}: {code}: {said}", time=when, program=code, text=said, **known)
        elif i % 4 == 1:  # with the device's name
            yield row(f"<{pri}>{short} 2026 {at} asa1 : {code}: {said}", time=when, host="asa1", text=f"{code}: {said}", **known)
        elif i % 4 == 2:
            yield row(f"<{pri}>{short} {at} asa1 {code}: {said}", time=f"{month:02}-{day:02} {at}", host="asa1", program=code, text=said, **known)
        else:  # without a time: logging emblem
            text = f"{code}: {said}"
            yield row(f"<{pri}>{text}", PLAIN, "program text", text=text, **known)


def multiline():
    ends = ["", "\n", "\r\n"]
    for i in range(ROWS):
        text = fill(r.choice([JAVA, PYTHON, "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:{n} +0x1d",
                              "SELECT *\n  FROM items\n WHERE id = {n}", "one\n\n\ntwo"]))
        form = FORMS[i % 5]
        bom = form == "5424" and i % 2 == 0
        made = framed(form, r.choice([11, 14]), r.choice(["app", "billing", "postgres"]), number(32768), text)
        if bom:
            made["line"] = made["line"].replace(text, "\ufeff" + text)
        made["line"] += ends[i % 3]
        if bom or ends[i % 3] == "\r\n":
            made["differs"] = {"why": BOM if bom else ENDS, "fields": ["text"]}
        yield made


KINDS = {"sshd": sshd, "nginx": nginx, "kernel": kernel, "postgres": postgres, "systemd": systemd, "cron": cron, "java": java,
         "python": python, "json": jsons, "windows": windows, "cisco": cisco, "multiline": multiline}

for kind, make in KINDS.items():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), kind + ".json"), "w", encoding="utf-8") as file:
        rows = [json.dumps(made, ensure_ascii=False) for made in make()]
        file.write("[\n" + ",\n".join(rows) + "\n]\n")
