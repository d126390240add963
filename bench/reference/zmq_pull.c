/* libzmq's PULL: binds a free port, prints the endpoint, takes N messages and reports. Arguments: N.
 * Built with -DCURVE it encrypts. */
#include <zmq.h>
#include "curve.h"
#include "report.h"

int main(int argc, char **argv)
{
	char endpoint[256];
	size_t size = sizeof endpoint;
	void *context = zmq_ctx_new(), *pull = zmq_socket(context, ZMQ_PULL);
	long long n, wanted, first = 0;

	if (argc != 2 || secure(pull, 1) || zmq_bind(pull, "tcp://127.0.0.1:*") || zmq_getsockopt(pull, ZMQ_LAST_ENDPOINT, endpoint, &size))
		return 2;
	wanted = atoll(argv[1]);
	printf("%s\n", endpoint);
	fflush(stdout);
	for (n = 0; n < wanted; n++) {
		zmq_msg_t m;
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, pull, 0) < 0)
			return 1;
		zmq_msg_close(&m);
		if (n == 0)
			first = now_ns();
	}
	report_to_file(stdout, n, first, now_ns());
	return 0;
}
