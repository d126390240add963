"""libzmq's sockets, driven over stdin and stdout: one JSON request a line, one JSON answer a line.

    {"op": "open", "name": N, "type": "PUSH", "options": {"SNDHWM": 10}, "bind": [...], "connect": [...]}
                                                                          -> {"bound": [...]}
    {"op": "send", "name": N, "frames": [hex, ...]}                       -> {}
    {"op": "send_numbers", "name": N, "from": F, "count": C, "size": S, "prefix": P}   -> {}
    {"op": "recv", "name": N, "skip": hex}                                -> {"frames": [hex, ...]}
    {"op": "recv_numbers", "name": N, "count": C, "prefix": P}            -> {"numbers": [...]}
    {"op": "idle", "name": N, "milliseconds": M}                          -> {"idle": true or false}
    {"op": "subscribe" or "unsubscribe", "name": N, "topic": T}           -> {}
    {"op": "passwords", "users": {user: password, ...}}  whom PLAIN servers let in   -> {}
    {"op": "close", "name": N}                                            -> {}

A number's message is the prefix, its decimal digits, and spaces. recv_numbers ignores negative numbers. No request
takes longer than TIMEOUT.
"""
import json
import sys

import zmq
import zmq.auth.thread

TIMEOUT = 30_000  # milliseconds

context = zmq.Context()
sockets = {}
authenticators = []


def open_socket(r):
    s = sockets[r["name"]] = context.socket(getattr(zmq, r["type"]))
    s.linger = 0
    s.sndtimeo = s.rcvtimeo = TIMEOUT
    s.ipv6 = True
    for key, value in (r.get("options") or {}).items():
        s.setsockopt(getattr(zmq, key), value.encode() if isinstance(value, str) else value)
    bound = []
    for endpoint in r.get("bind") or []:
        s.bind(endpoint)
        bound.append(s.last_endpoint.decode())
    for endpoint in r.get("connect") or []:
        s.connect(endpoint)
    return {"bound": bound}


def recv(s, skip):
    while True:
        frames = s.recv_multipart()
        if len(frames) != 1 or frames[0] != skip:
            return {"frames": [f.hex() for f in frames]}


def send_numbers(s, r):
    for i in range(r["from"], r["from"] + r["count"]):
        s.send(b"%s%d" % (r["prefix"].encode(), i) + b" " * r["size"])
    return {}


def recv_numbers(s, r):
    numbers = []
    while len(numbers) < r["count"]:
        number = int(s.recv_multipart()[-1][len(r["prefix"]):])
        if number >= 0:
            numbers.append(number)
    return {"numbers": numbers}


def answer(r):
    if r["op"] == "open":
        return open_socket(r)
    if r["op"] == "passwords":
        authenticators.append(zmq.auth.thread.ThreadAuthenticator(context))
        authenticators[-1].start()
        authenticators[-1].configure_plain(passwords=r["users"])
        return {}
    s = sockets[r["name"]]
    if r["op"] == "send":
        s.send_multipart([bytes.fromhex(f) for f in r["frames"]])
    elif r["op"] == "send_numbers":
        return send_numbers(s, r)
    elif r["op"] == "recv":
        return recv(s, bytes.fromhex(r.get("skip", "")) or None)
    elif r["op"] == "recv_numbers":
        return recv_numbers(s, r)
    elif r["op"] == "idle":
        return {"idle": not s.poll(r["milliseconds"])}
    elif r["op"] == "subscribe":
        s.subscribe(r["topic"].encode())
    elif r["op"] == "unsubscribe":
        s.unsubscribe(r["topic"].encode())
    elif r["op"] == "close":
        s.close()
    return {}


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as e:
        reply = {"error": repr(e)}
    print(json.dumps(reply), flush=True)
