/* What a measuring program reports at its end:
 *   messages first_ns last_ns cpu_us peak_kib     (CLOCK_MONOTONIC; CPU time of the whole process; VmHWM) */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static long long now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* peak_kib is 0 if unknown. The ru_maxrss of getrusage(2) will not do: it includes what the parent had at fork(2). */
static long long peak_kib(void)
{
	char line[256];
	long long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %lld", &kib) != 1)
		;
	if (f)
		fclose(f);
	return kib;
}

static void report_to_file(FILE *f, long long messages, long long first_ns, long long last_ns)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	fprintf(f, "%lld %lld %lld %lld %lld\n", messages, first_ns, last_ns,
		(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000LL + u.ru_utime.tv_usec + u.ru_stime.tv_usec, peak_kib());
	fflush(f);
}
