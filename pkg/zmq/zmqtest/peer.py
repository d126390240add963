"""Sockets of libzmq, driven over stdin and stdout: each line is a JSON request or its JSON answer. Frames are in hexadecimal.

    {"op": "open", "name": N, "type": "PUB", "options": {"SNDHWM": 10}, "bind": E or "connect": E}   -> {"endpoint": E}
    {"op": "subscribe" or "unsubscribe", "name": N, "topic": T}                                     -> {}
    {"op": "send", "name": N, "messages": [[frame, ...], ...]}                                      -> {}
    {"op": "recv", "name": N, "count": C}                                                           -> {"messages": [[frame, ...], ...]}
    {"op": "idle", "name": N, "milliseconds": M}                                                    -> {"idle": true or false}
    {"op": "flood", "name": N, "topics": T}      begins to send numbers to T topics in turn         -> {}
    {"op": "rest", "name": N}                    ends the flood                                     -> {"count": C}
    {"op": "close", "name": N}                                                                      -> {}

Nothing takes longer than TIMEOUT.
"""
import json
import sys
import threading
import time

import zmq

TIMEOUT = 30_000  # milliseconds

context = zmq.Context()
sockets = {}
floods = {}


def open_socket(r):
    s = sockets[r["name"]] = context.socket(getattr(zmq, r["type"]))
    s.linger = 0
    s.sndtimeo = s.rcvtimeo = TIMEOUT
    for key, value in (r.get("options") or {}).items():
        s.setsockopt(getattr(zmq, key), value.encode() if isinstance(value, str) else value)
    if r.get("bind"):
        s.bind(r["bind"])
    if r.get("connect"):
        s.connect(r["connect"])
    return {"endpoint": s.last_endpoint.decode()}


class Flood(threading.Thread):
    def __init__(self, socket, topics):
        super().__init__(daemon=True)
        self.socket, self.topics, self.count, self.over = socket, topics, 0, False

    def run(self):
        while not self.over:
            for _ in range(50):
                self.socket.send_multipart([b"t%d." % (self.count % self.topics), b"%d" % self.count])
                self.count += 1
            time.sleep(0.001)


def answer(r):
    op = r["op"]
    if op == "open":
        return open_socket(r)
    s = sockets[r["name"]]
    if op == "subscribe":
        s.subscribe(r["topic"].encode())
    elif op == "unsubscribe":
        s.unsubscribe(r["topic"].encode())
    elif op == "send":
        for frames in r["messages"]:
            s.send_multipart([bytes.fromhex(f) for f in frames])
    elif op == "recv":
        return {"messages": [[f.hex() for f in s.recv_multipart()] for _ in range(r["count"])]}
    elif op == "idle":
        return {"idle": not s.poll(r["milliseconds"])}
    elif op == "flood":
        floods[r["name"]] = Flood(s, r["topics"])
        floods[r["name"]].start()
    elif op == "rest":
        flood = floods.pop(r["name"])
        flood.over = True
        flood.join()
        return {"count": flood.count}
    elif op == "close":
        s.close()
    return {}


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as e:
        reply = {"error": repr(e)}
    print(json.dumps(reply), flush=True)
