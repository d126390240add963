/* The minimum between libzmq and a pipe: a PULL that binds a free port, prints the endpoint on stderr, and prints each
 * message's last frame as a line. It flushes when no message waits. */
#include <stdio.h>
#include <zmq.h>

int main(void)
{
	static char buffer[1 << 16];
	char endpoint[256];
	size_t size = sizeof endpoint;
	void *context = zmq_ctx_new(), *pull = zmq_socket(context, ZMQ_PULL);
	zmq_msg_t m;

	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	if (zmq_bind(pull, "tcp://127.0.0.1:*") || zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &size))
		return 2;
	fprintf(stderr, "%s\n", endpoint);
	zmq_msg_init(&m);
	for (;;) {
		if (zmq_msg_recv(&m, pull, ZMQ_DONTWAIT) < 0) {
			fflush(stdout);
			if (zmq_msg_recv(&m, pull, 0) < 0)
				return 1;
		}
		if (!zmq_msg_more(&m)) {
			fwrite_unlocked(zmq_msg_data(&m), 1, zmq_msg_size(&m), stdout);
			putchar_unlocked('\n');
		}
	}
}
