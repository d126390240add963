/* libzmq's PUSH: connects and sends N messages of SIZE bytes. Arguments: ENDPOINT N SIZE.
 * Built with -DCURVE it encrypts. */
#include <stdlib.h>
#include <string.h>
#include <zmq.h>
#include "curve.h"

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new(), *push = zmq_socket(context, ZMQ_PUSH);
	long long n;
	size_t size;
	char *body;

	if (argc != 4 || secure(push, 0) || zmq_connect(push, argv[1]))
		return 2;
	size = strtoul(argv[3], NULL, 10);
	if (!(body = malloc(size)))
		return 1;
	memset(body, 'x', size);
	for (n = atoll(argv[2]); n > 0; n--)
		if (zmq_send(push, body, size, 0) < 0)
			return 1;
	zmq_close(push);
	return zmq_ctx_term(context); /* waits until everything is sent */
}
