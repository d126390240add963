/* The minimum that prints a stream on a terminal: a SUB on libzmq that prints each message's last frame as a line and
 * flushes it. Argument: ENDPOINT. */
#include <stdio.h>
#include <zmq.h>

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new(), *sub = zmq_socket(context, ZMQ_SUB);
	zmq_msg_t m;

	if (argc != 2 || zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0) || zmq_connect(sub, argv[1]))
		return 2;
	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, sub, 0) >= 0)
		if (!zmq_msg_more(&m)) {
			fwrite(zmq_msg_data(&m), 1, zmq_msg_size(&m), stdout);
			putchar('\n');
			fflush(stdout);
		}
	return 1;
}
