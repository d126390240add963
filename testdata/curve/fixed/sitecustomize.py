"""Gives libsodium fixed bytes for random ones, and so libzmq's CURVE: SHAKE256 of $SEED, for recordings.

Python runs this at its start, before libzmq is loaded, if PYTHONPATH names this folder.
"""
import ctypes
import hashlib
import os

stream = hashlib.shake_256(os.environ["SEED"].encode()).digest(1 << 16)
used = 0


def draw(buffer, size):
    global used
    ctypes.memmove(buffer, stream[used : used + size], size)
    used += size


def draw_number():
    return 4


class Implementation(ctypes.Structure):  # of randombytes.h
    _fields_ = [
        ("name", ctypes.CFUNCTYPE(ctypes.c_void_p)),
        ("random", ctypes.CFUNCTYPE(ctypes.c_uint32)),
        ("stir", ctypes.c_void_p),
        ("uniform", ctypes.c_void_p),
        ("buf", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)),
        ("close", ctypes.c_void_p),
    ]


types = dict(Implementation._fields_)
implementation = Implementation(
    name=types["name"](lambda: None), random=types["random"](draw_number), buf=types["buf"](draw)
)
sodium = ctypes.CDLL("libsodium.so.23")
sodium.randombytes_set_implementation(ctypes.byref(implementation))
sodium.sodium_init()
used = 0  # sodium_init has drawn some for itself
