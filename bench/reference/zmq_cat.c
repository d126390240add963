/* The minimum that prints a stream into a pipe, as kcat does: a SUB on libzmq that prints each message's last frame as
 * a line, and flushes when no message waits. Argument: ENDPOINT. */
#include <stdio.h>
#include <zmq.h>

int main(int argc, char **argv)
{
	static char buffer[1 << 16];
	void *context = zmq_ctx_new(), *sub = zmq_socket(context, ZMQ_SUB);
	zmq_msg_t m;

	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	if (argc != 2 || zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0) || zmq_connect(sub, argv[1]))
		return 2;
	zmq_msg_init(&m);
	for (;;) {
		if (zmq_msg_recv(&m, sub, ZMQ_DONTWAIT) < 0) {
			fflush(stdout);
			if (zmq_msg_recv(&m, sub, 0) < 0)
				return 1;
		}
		if (!zmq_msg_more(&m)) {
			fwrite_unlocked(zmq_msg_data(&m), 1, zmq_msg_size(&m), stdout);
			putchar_unlocked('\n');
		}
	}
}
