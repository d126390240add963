# Reads files with libczmq and pyzmq. Each line of its input is a request, each line of its output the answer, in JSON.
import ctypes
import json
import os
import sys

import zmq.auth

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # libczmq reports mistakes on standard output
czmq = ctypes.CDLL("libczmq.so.4")


def declare(name, result):
    f = getattr(czmq, name)
    f.restype, f.argtypes = result, None
    return lambda *args: f(*[ctypes.c_void_p(a) if isinstance(a, int) else a for a in args])


pointer, text = ctypes.c_void_p, ctypes.c_char_p
zcert_load, public, secret = declare("zcert_load", pointer), declare("zcert_public_txt", text), declare("zcert_secret_txt", text)
keys, meta = declare("zcert_meta_keys", pointer), declare("zcert_meta", text)
first, following = declare("zlist_first", text), declare("zlist_next", text)
zconfig_load, child, sibling = declare("zconfig_load", pointer), declare("zconfig_child", pointer), declare("zconfig_next", pointer)
name, value = declare("zconfig_name", text), declare("zconfig_value", text)


def certificate(path):
    c = zcert_load(path)
    if not c:
        return None
    fields = {}
    names = keys(c)
    key = first(names)
    while key:
        fields[key.decode("latin-1")] = meta(c, key).decode("latin-1")
        key = following(names)
    return {"public": public(c).decode(), "secret": secret(c).decode(), "metadata": fields}


def tree(path):
    root = zconfig_load(path)
    if not root:
        return None
    items = []

    def collect(item, level):
        while item:
            items.append([level, name(item).decode("latin-1"), value(item).decode("latin-1")])
            collect(child(item), level + 1)
            item = sibling(item)

    collect(child(root), 0)
    return items


def pyzmq(path):
    try:
        return [k and k.decode("latin-1") for k in zmq.auth.load_certificate(path)]
    except ValueError:
        return None


functions = {"certificate": certificate, "tree": tree, "pyzmq": pyzmq}
for line in sys.stdin:
    request = json.loads(line)
    answers.write(json.dumps(functions[request["op"]](request["path"].encode())) + "\n")
    answers.flush()
