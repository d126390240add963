// Package zcert reads and writes CURVE certificates in the files of czmq's zcert, and watches a folder of them: the
// clients that a server lets in.
//
// A certificate is two files: PATH has the public key, PATH_secret has both keys and is for its owner alone. Both are
// text in ZPL (RFC 4):
//
//	#   comments
//
//	metadata
//	    name = "web1"
//	curve
//	    public-key = "40 characters in Z85"
//	    secret-key = "40 characters in Z85"      in PATH_secret
//
// What czmq 4.2.1 reads is read here, with the same result (its src/zconfig.c and src/zcert.c), except for keys that
// protect nothing. What is written here is read by czmq and pyzmq.
package zcert
