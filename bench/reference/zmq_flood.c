/* A publisher of log lines on libzmq, as fast as its subscriber takes them: binds a free port, prints the endpoint, and
 * after a subscription sends, until it is killed, a topic and an RFC 5424 line of 200 bytes. No argument. */
#include <stdio.h>
#include <string.h>
#include <zmq.h>

int main(void)
{
	static const char topic[] = "daemon.err.nginx";
	char text[256], heard[256];
	size_t size = sizeof text;
	int on = 1; /* waits for a slow subscriber, in place of dropping */
	void *context = zmq_ctx_new(), *xpub = zmq_socket(context, ZMQ_XPUB);

	if (zmq_setsockopt(xpub, ZMQ_XPUB_NODROP, &on, sizeof on) || zmq_bind(xpub, "tcp://127.0.0.1:*") ||
	    zmq_getsockopt(xpub, ZMQ_LAST_ENDPOINT, text, &size))
		return 2;
	printf("%s\n", text);
	fflush(stdout);
	if (zmq_recv(xpub, heard, sizeof heard, 0) < 0)
		return 1;
	memset(text, 'x', sizeof text);
	size = snprintf(text, sizeof text, "<27>1 2026-11-30T17:03:18.123456+01:00 web3.example.com nginx 6883 - - "
			"upstream timed out (110: Connection timed out) while reading response header from upstream ");
	text[size] = 'x';
	for (;;)
		if (zmq_send(xpub, topic, sizeof topic - 1, ZMQ_SNDMORE) < 0 || zmq_send(xpub, text, 200, 0) < 0)
			return 1;
}
