/* libzmq's PULL that prints: binds ENDPOINT, and writes each message to stdout as a line, by stdio. It ends when it is
 * killed. Arguments: ENDPOINT. */
#include <stdio.h>
#include <zmq.h>

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new(), *pull = zmq_socket(context, ZMQ_PULL);

	if (argc != 2 || zmq_bind(pull, argv[1]))
		return 2;
	for (;;) {
		zmq_msg_t m;
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, pull, 0) < 0)
			return 1;
		fwrite(zmq_msg_data(&m), 1, zmq_msg_size(&m), stdout);
		putchar('\n');
		zmq_msg_close(&m);
	}
}
