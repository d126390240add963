#!/usr/bin/python3
"""All that a receiver of acknowledged delivery has to do: store, then answer with the number.

Prints the endpoint, then number, topic and payload of each message, a line each.
"""
import sys

import zmq

router = zmq.Context().socket(zmq.ROUTER)
router.bind(sys.argv[1])
print(router.last_endpoint.decode(), flush=True)
seen = set()
while True:
    sender, number, topic, payload = router.recv_multipart()
    if (sender, number) not in seen:
        print(int.from_bytes(number, "big"), topic.decode(), payload.decode(), sep="\t", flush=True)
        seen.add((sender, number))
    router.send_multipart([sender, number])
