/* libzmq's zmq_proxy between an XSUB and an XPUB, as in its guide: default options, thus one I/O thread and
 * high-water marks of 1,000 messages for each peer. Binds two free ports and prints two lines: the endpoint for
 * publishers and the endpoint for subscribers. Runs until it is killed. */
#include <stdio.h>
#include <zmq.h>

static void *bound(void *context, int type)
{
	char endpoint[256];
	size_t size = sizeof endpoint;
	void *socket = zmq_socket(context, type);

	if (!socket || zmq_bind(socket, "tcp://127.0.0.1:*") || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size))
		return NULL;
	printf("%s\n", endpoint);
	return socket;
}

int main(void)
{
	void *context = zmq_ctx_new(), *in = bound(context, ZMQ_XSUB), *out = bound(context, ZMQ_XPUB);

	if (!in || !out)
		return 2;
	fflush(stdout);
	zmq_proxy(in, out, NULL);
	return 1;
}
