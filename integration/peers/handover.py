#!/usr/bin/python3
"""peers/router.py as a receiver should be that is to outlive its connections.

libzmq's ROUTER reads nothing from a second connection of a sender while it still holds the first, unless it is told to
hand over: https://github.com/zeromq/libzmq/issues/4503
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
