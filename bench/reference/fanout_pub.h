/* A publisher's behaviour, whatever carries its messages. The including program defines open_to, wait_subscribed,
 * send_message, flush (which sends what is buffered) and finish. Arguments: ENDPOINT SECONDS SIZE TOPICS PACE.
 *
 * The topics take turns; with TOPICS 0 there is no topic frame. PACE is one of
 *   window   as fast as the slowest subscriber: see fanout.h
 *   flood    as fast as possible, even if subscribers miss messages
 *   NUMBER   that many messages per second, evenly spaced
 * Prints at the end
 *   sent first_ns last_ns cpu_us stalls
 * where a stall is STALL_MS without any credit, which happens if the last messages of a window are lost. */
#include <poll.h>
#include "fanout.h"

enum { STALL_MS = 200 };

static void open_to(const char *endpoint, size_t size, int topics);
static void wait_subscribed(void);
static void send_message(uint64_t number, int64_t ns);
static void flush(void);
static void finish(void);

/* credits waits up to timeout_ms for the subscribers and returns how many bytes they have sent. */
static int credits(int timeout_ms)
{
	static char bytes[4096];
	struct pollfd f = { .fd = 0, .events = POLLIN };
	ssize_t n;

	if (poll(&f, 1, timeout_ms) <= 0)
		return 0;
	n = read(0, bytes, sizeof bytes);
	if (n <= 0)
		exit(1); /* they are gone */
	return n;
}

/* publish sends until the given time and returns how many messages it sent. */
static uint64_t publish(int64_t until, const char *pace, int *stalls)
{
	int64_t interval = atoll(pace) > 0 ? 1000000000 / atoll(pace) : 0, next = now_ns(), ns;
	int window = !strcmp(pace, "window");
	uint64_t sent = 0, allowed = WINDOW;

	for (;;) {
		if (interval)
			sleep_until(next += interval);
		while (window && sent == allowed) {
			flush();
			int n = credits(STALL_MS);
			*stalls += n == 0;
			allowed += BURST * (n ? n : 1);
		}
		if ((ns = now_ns()) >= until)
			return sent;
		send_message(++sent, ns);
		if (interval)
			flush();
	}
}

int main(int argc, char **argv)
{
	int64_t first, last;
	uint64_t sent;
	int stalls = 0;

	if (argc != 6 || strtoul(argv[3], NULL, 10) < SMALLEST)
		return 2;
	open_to(argv[1], strtoul(argv[3], NULL, 10), atoi(argv[4]));
	wait_subscribed();
	do {
		send_message(HELLO, now_ns());
		flush();
	} while (!credits(5));
	sleep_until(now_ns() + 50000000); /* the last HELLOs arrive */
	first = now_ns();
	sent = publish(first + atof(argv[2]) * 1e9, argv[5], &stalls);
	last = now_ns();
	for (int i = 0; i < 5; i++) { /* after a jam at least one of them arrives */
		sleep_until(now_ns() + 40000000);
		send_message(END, sent);
		flush();
	}
	printf("%llu %lld %lld %lld %d\n", (unsigned long long)sent, (long long)first, (long long)last, cpu_us(), stalls);
	fflush(stdout);
	finish();
	return 0;
}
