#!/usr/bin/python3
"""All that a receiver of acknowledged delivery must do: store a message, then answer with its number.

Prints the endpoint, then a line with number, topic and payload for each message. With --probe after the endpoint, it
sends each peer an empty message first (ZMQ_PROBE_ROUTER).
"""
import sys

import zmq

router = zmq.Context().socket(zmq.ROUTER)
router.probe_router = sys.argv[2:] == ["--probe"]
router.bind(sys.argv[1])
print(router.last_endpoint.decode(), flush=True)
seen = set()
while True:
    sender, number, topic, payload = router.recv_multipart()
    if (sender, number) not in seen:
        print(int.from_bytes(number, "big"), topic.decode(), payload.decode(), sep="\t", flush=True)
        seen.add((sender, number))
    router.send_multipart([sender, number])
