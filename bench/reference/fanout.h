/* What the publishers and subscribers share that a proxy is measured with.
 *
 * A message is a topic's frame and a payload's frame, or the payload alone. The payload begins with two numbers of 8
 * bytes in the machine's order: the sequence number, from 1, and the CLOCK_MONOTONIC nanoseconds at which it was sent.
 * The number HELLO is sent until everybody has heard it, END at the end, with how many messages there were in place of
 * the time.
 *
 * The subscribers write a byte to descriptor 3, which is the publisher's standard input, when all of them have heard a
 * HELLO, and one more for every BURST messages that all of them have got. A publisher that minds them has no more than
 * WINDOW messages on the way. Half a high-water mark of 1,000: a pipe of libzmq's says only after half of its mark that
 * it has room again, so that with more than this a proxy on default options may have to drop. */
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
