// Package curve is ZeroMQ's CURVE mechanism: CurveZMQ (RFC 26) as ZMTP carries it (RFC 25). It turns bytes into bytes
// and does no I/O. golang.org/x/crypto does the cryptography.
package curve
