/* A libzmq PUB (an XPUB, which is notified of subscriptions) that sends numbered messages as bench/rsyslogd.go does,
 * and prints
 *   messages first_ns last_ns cpu_us     (CLOCK_MONOTONIC; CPU time of the whole process).
 * Arguments: ENDPOINT MESSAGES SIZE RATE; RATE is messages per second, 0: as fast as it can. It prints "ready" when it
 * has a subscriber and starts at a line on stdin. For each further line it sends a last message that contains
 * "]: the end 1", "]: the end 2" and so on, as soon as there is room. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zmq.h>

#define HEAD "<14>Nov 22 05:54:52 host app[123]: "

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* keep_pace waits until message i is due. */
static void keep_pace(long long first, long long i, long long rate)
{
	long long due = first + i * 1000000000LL / rate;
	struct timespec t = { .tv_sec = due / 1000000000LL, .tv_nsec = due % 1000000000LL };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static int publish(void *pub, char *body, size_t size, long long n, long long rate)
{
	const size_t at = strlen(HEAD);
	long long i, first = now_ns();
	struct rusage u;

	for (i = 0; i < n; i++) {
		char number[32];
		int digits = snprintf(number, sizeof number, "%07lld ", i);
		memcpy(body + at, number, digits);
		if (rate && i % (rate / 1000 + 1) == 0)
			keep_pace(first, i, rate);
		if (zmq_send(pub, body, size, 0) < 0)
			return 1;
	}
	getrusage(RUSAGE_SELF, &u);
	printf("%lld %lld %lld %lld\n", n, first, now_ns(),
	       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new(), *pub = zmq_socket(context, ZMQ_XPUB);
	char line[64], last[64], *body;
	int i, keep = 1;
	size_t size = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;

	if (size < 64 || !(body = malloc(size)) || zmq_connect(pub, argv[1]) || zmq_recv(pub, line, sizeof line, 0) < 0)
		return 2;
	memset(body, 'x', size);
	memcpy(body, HEAD, strlen(HEAD));
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof line, stdin) || publish(pub, body, size, atoll(argv[2]), atoll(argv[4])) ||
	    zmq_setsockopt(pub, ZMQ_XPUB_NODROP, &keep, sizeof keep))
		return 1;
	for (i = 1; fgets(line, sizeof line, stdin); i++)
		if (zmq_send(pub, last, snprintf(last, sizeof last, HEAD "the end %d", i), 0) < 0)
			return 1;
	zmq_close(pub);
	return zmq_ctx_term(context); /* waits until everything is sent */
}
