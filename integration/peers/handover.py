#!/usr/bin/python3
"""peers/router.py with handover: what a receiver needs to serve a sender that reconnects.

While libzmq's ROUTER still holds a sender's first connection, it reads nothing from a second one, unless router_handover
is set: https://github.com/zeromq/libzmq/issues/4503
"""
import runpy

import zmq

plain = zmq.Context.socket


def handing_over(context, kind):
    socket = plain(context, kind)
    socket.router_handover = True
    return socket


zmq.Context.socket = handing_over
runpy.run_path("peers/router.py", run_name="__main__")
