/* libzmq's PULL: binds a free port, prints the endpoint, takes N messages and prints
 *   messages first_ns last_ns cpu_us     (CLOCK_MONOTONIC; CPU time of the whole process).
 * Arguments: N. Built with -DCURVE it encrypts. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>
#include "curve.h"

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	char endpoint[256];
	size_t size = sizeof endpoint;
	void *context = zmq_ctx_new(), *pull = zmq_socket(context, ZMQ_PULL);
	long long n, wanted, first = 0;
	struct rusage u;

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
	getrusage(RUSAGE_SELF, &u);
	printf("%lld %lld %lld %lld\n", n, first, now_ns(),
	       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	return 0;
}
