/* A subscriber's account of many subscriptions. Prints at the end
 *   messages first_ns last_ns cpu_us lost p50_ns p99_ns p999_ns
 * where messages and lost are sums over all subscriptions, and the last three say how long the first SAMPLES messages
 * took. The end is when all have got the publisher's END, or QUIET_MS after the last message. */
#include "fanout.h"

enum { SAMPLES = 1 << 20, QUIET_MS = 1000 };

struct subscription {
	uint64_t last; /* number */
	int heard, ended;
};

static struct subscription *subscriptions;
static int count, heard, ended;
static uint64_t messages, lost, credited;
static int64_t first_ns, last_ns, *delays;

static void begin_account(int n)
{
	count = n;
	subscriptions = calloc(n, sizeof *subscriptions);
	delays = malloc(SAMPLES * sizeof *delays);
	if (n < 1 || !subscriptions || !delays)
		exit(2);
}

/* take enters a message, which came at the time ns, into the account. */
static void take(struct subscription *s, const void *payload, int64_t ns)
{
	uint64_t number, sent;

	memcpy(&number, payload, sizeof number);
	memcpy(&sent, (const char *)payload + sizeof number, sizeof sent);
	if (number == HELLO) {
		heard += !s->heard;
		s->heard = 1;
	} else if (number == END) {
		ended += !s->ended;
		if (!s->ended)
			lost += sent - s->last; /* messages after the last one; ns holds how many there were */
		s->ended = 1;
	} else if (number > s->last) {
		lost += number - s->last - 1;
		s->last = number;
		if (messages < SAMPLES)
			delays[messages] = ns - (int64_t)sent;
		if (messages++ == 0)
			first_ns = ns;
		last_ns = ns;
	} else {
		fprintf(stderr, "message %llu after %llu\n", (unsigned long long)number, (unsigned long long)s->last);
		exit(1);
	}
}

/* give_credit reports the progress of the slowest subscription to the publisher. */
static void give_credit(void)
{
	static char bytes[4096];
	static int begun;
	uint64_t slowest = END;
	size_t n = 0;

	if (!begun) {
		if (heard < count)
			return;
		begun = 1;
		n = 1;
	}
	for (int i = 0; i < count; i++)
		if (subscriptions[i].last < slowest)
			slowest = subscriptions[i].last;
	for (; slowest >= credited + BURST && n < sizeof bytes; credited += BURST)
		n++;
	if (n && write(CREDITS, bytes, n) < 0)
		close(CREDITS); /* a publisher that is gone, or minds none and lets the pipe fill */
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void report(void)
{
	long long cpu = cpu_us();
	uint64_t n = messages < SAMPLES ? messages : SAMPLES;

	if (!n)
		exit(1);
	qsort(delays, n, sizeof *delays, ascending);
	printf("%llu %lld %lld %lld %llu %lld %lld %lld\n", (unsigned long long)messages, (long long)first_ns, (long long)last_ns, cpu,
	       (unsigned long long)lost, (long long)delays[n / 2], (long long)delays[n * 99 / 100], (long long)delays[n * 999 / 1000]);
	fflush(stdout);
}
