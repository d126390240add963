/* A publisher of log lines on libzmq: binds a free port, prints the endpoint, and after a subscription sends N
 * messages at RATE per second: a topic and a line of 200 bytes that contains "sent=" and CLOCK_MONOTONIC nanoseconds.
 * Arguments: N RATE. */
#include <zmq.h>
#include "fanout.h"

int main(int argc, char **argv)
{
	char text[512], heard[256];
	size_t size = sizeof text;
	void *context = zmq_ctx_new(), *xpub = zmq_socket(context, ZMQ_XPUB);
	int64_t next;

	if (argc != 3 || atoll(argv[2]) < 1 || zmq_bind(xpub, "tcp://127.0.0.1:*") ||
	    zmq_getsockopt(xpub, ZMQ_LAST_ENDPOINT, text, &size))
		return 2;
	printf("%s\n", text);
	fflush(stdout);
	if (zmq_recv(xpub, heard, sizeof heard, 0) < 0)
		return 1;
	next = now_ns() + 200000000; /* gives the printing program time to settle */
	for (int i = 0, n = atoi(argv[1]); i < n; i++) {
		sleep_until(next += 1000000000 / atoll(argv[2]));
		snprintf(text, sizeof text, "<14>1 2026-11-25T12:00:00Z host app %d - - line %d sent=%lld %0200d",
			 getpid(), i, (long long)now_ns(), 0);
		if (zmq_send(xpub, "app.info", 8, ZMQ_SNDMORE) < 0 || zmq_send(xpub, text, 200, 0) < 0)
			return 1;
	}
	zmq_close(xpub);
	return zmq_ctx_term(context); /* waits until everything is sent */
}
