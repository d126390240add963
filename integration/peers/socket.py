#!/usr/bin/python3
"""One libzmq socket on two pipes, for tests in another language.

stdout: first {"endpoint": …}, then a line for each message received: a JSON list of frames in base64.
stdin:  messages to send, in the same form. At its end the messages sent are delivered, then the process exits.
"""
import argparse
import base64
import json
import os
import sys

import zmq

args = argparse.ArgumentParser()
args.add_argument("type", help="PUSH, PULL, PUB, SUB, DEALER, ROUTER, XPUB")
args.add_argument("--bind")
args.add_argument("--connect")
args.add_argument("--subscribe", action="append", default=[])
args.add_argument("--identity", help="in hexadecimal")
args.add_argument("--probe", action="store_true", help="ZMQ_PROBE_ROUTER")
args = args.parse_args()

socket = zmq.Context().socket(getattr(zmq, args.type))
socket.linger = 5000
if args.identity:
    socket.identity = bytes.fromhex(args.identity)
if args.probe:
    socket.probe_router = 1
for prefix in args.subscribe:
    socket.subscribe(prefix)
if args.bind:
    socket.bind(args.bind)
if args.connect:
    socket.connect(args.connect)
print(json.dumps({"endpoint": socket.last_endpoint.decode().rstrip("\0")}), flush=True)

poller = zmq.Poller()
poller.register(sys.stdin.fileno(), zmq.POLLIN)
if args.type not in ("PUSH", "PUB"):
    poller.register(socket, zmq.POLLIN)
rest = b""
while True:
    ready = dict(poller.poll())
    while socket in ready and socket.poll(0):
        frames = [base64.b64encode(frame).decode() for frame in socket.recv_multipart()]
        print(json.dumps(frames), flush=True)
    if sys.stdin.fileno() in ready:
        read = os.read(0, 1 << 20)
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            socket.send_multipart([base64.b64decode(frame) for frame in json.loads(line)])
        if not read:
            break
