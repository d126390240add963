// Package zcert reads and writes CURVE certificates in the files of czmq's zcert: ZPL (RFC 4), the public part in PATH
// and both parts in PATH_secret.
package zcert
