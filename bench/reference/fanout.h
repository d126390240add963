/* What the publishers and subscribers around a measured proxy have in common.
 *
 * A message is a topic's frame and a payload's frame, or the payload alone. The payload begins with two numbers of 8
 * bytes in the machine's order: the sequence number, from 1, and the CLOCK_MONOTONIC nanoseconds at which it was sent.
 * The number HELLO is sent until all subscribers have received it. END is sent at the end, with the number of messages
 * in place of the time.
 *
 * The subscribers write a byte to descriptor 3, which is the publisher's standard input, when all of them have received
 * a HELLO, and one more for every BURST messages that all of them have received. A publisher that obeys them has at
 * most WINDOW messages on the way. That is half a high-water mark of 1,000: a pipe of libzmq reports room again only
 * after half of its mark, so with more than this a proxy with default options may have to drop messages. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 100, WINDOW = 5 * BURST, CREDITS = 3, SMALLEST = 2 * sizeof(uint64_t) };
#define HELLO ((uint64_t)0)
#define END UINT64_MAX

static inline int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline void sleep_until(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static inline long long cpu_us(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}
