#!/usr/bin/python3
"""An omprog plugin that confirms, logs what it sees, and fails where its arguments say.

plugin.py LOG [EVENT:NTH:GRIEF ...]

An event is "start", "BEGIN", "COMMIT" or a message. NTH counts the event over all processes that write to LOG.
The griefs:
die     it is killed before it answers
answer  it is killed after it has answered
fail    it answers with a failure
hold    it writes keep-alive dots and does not answer until the file LOG.release exists
later-fail, later-die   like hold, and then like fail or die

LOG gets a line for each event: the monotonic time, the process, the event.
"""
import os
import select
import signal
import sys
import time

path, griefs = sys.argv[1], dict(arg.rsplit(":", 1) for arg in sys.argv[2:])
log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
counts = {}


def note(event):
    os.write(log, f"{time.monotonic():.4f} {os.getpid()} {event}\n".encode())
    counts[event] = counts.get(event, 0) + 1


def die():
    note("dies")
    os.kill(os.getpid(), signal.SIGKILL)


def say(text):
    try:
        os.write(1, text)
        return True
    except BrokenPipeError:
        return False


def hold():
    watched = select.poll()
    watched.register(0, 0)  # POLLHUP: rsyslog has closed the pipe
    while not os.path.exists(path + ".release"):
        for fd, _ in watched.poll(100):
            note("closed")
            watched.unregister(fd)
        say(b".")


def answer(event, text):
    note(event)
    grief = griefs.get(f"{event}:{counts[event]}")
    if grief in ("hold", "later-fail", "later-die"):
        hold()
    if grief in ("die", "later-die"):
        die()
    if grief in ("fail", "later-fail"):
        note("fails")
        text = "told to fail"
    if not say(text.encode() + b"\n"):
        note("unheard")
    if grief == "answer":
        die()


for line in os.fdopen(os.dup(log)):
    event = line.split()[2]
    counts[event] = counts.get(event, 0) + 1
signal.signal(signal.SIGTERM, lambda *_: note("SIGTERM"))
answer("start", "OK")
inside = False
for line in sys.stdin:
    event = line.strip().removeprefix("<13>").removesuffix(" TRANSACTION")
    mark = event in ("BEGIN", "COMMIT")
    answer(event, "DEFER_COMMIT" if inside and not mark else "OK")
    inside = event == "BEGIN" if mark else inside
note("EOF")
