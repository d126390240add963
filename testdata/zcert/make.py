# Writes pyzmq.key and pyzmq.key_secret with pyzmq's own function: /usr/bin/python3 make.py
import zmq.auth.certs

secret = b"0000011111222223333344444555556666677777"
zmq.auth.certs.zmq.curve_keypair = lambda: (zmq.curve_public(secret), secret)
zmq.auth.create_certificates(".", "pyzmq", {"name": "made by pyzmq", "host": "web3"})
