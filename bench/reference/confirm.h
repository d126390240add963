/* What the two reference confirmers have in common: they answer omprog's lines and do nothing else.
 *
 *   OK            at the start, for COMMIT TRANSACTION and for a message outside a transaction
 *   OK            for BEGIN TRANSACTION
 *   DEFER_COMMIT  for a message inside a transaction
 *
 * After the N-th message they report to a file (arguments: FILE N), and go on until EOF.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "report.h"

static void reply(const char *s)
{
	size_t n = strlen(s);
	if (write(1, s, n) != (ssize_t)n)
		exit(1);
}

static long long messages, wanted, first_ns;
static const char *report_to;
static int in_transaction;

/* report writes another file and renames it, so that a reader that waits for the file finds it complete. */
static void report(void)
{
	char tmp[4096];
	long long last_ns = now_ns();
	FILE *f;

	snprintf(tmp, sizeof tmp, "%s.tmp", report_to);
	if (!(f = fopen(tmp, "w")))
		exit(1);
	report_to_file(f, messages, first_ns, last_ns);
	if (fclose(f) || rename(tmp, report_to))
		exit(1);
}

static void answer(const char *line, size_t n)
{
	if (n == 17 && !memcmp(line, "BEGIN TRANSACTION", n)) {
		in_transaction = 1;
		reply("OK\n");
	} else if (n == 18 && !memcmp(line, "COMMIT TRANSACTION", n)) {
		in_transaction = 0;
		reply("OK\n");
	} else {
		if (messages++ == 0)
			first_ns = now_ns();
		reply(in_transaction ? "DEFER_COMMIT\n" : "OK\n");
		if (messages == wanted)
			report();
	}
}

/* converse answers until EOF; wait_read returns as read(2) does and decides how to wait. */
static int converse(int argc, char **argv, ssize_t (*wait_read)(char *, size_t))
{
	static char buf[1 << 20];
	size_t have = 0;
	ssize_t n;

	if (argc != 3)
		return 2;
	report_to = argv[1];
	wanted = atoll(argv[2]);
	reply("OK\n");
	while ((n = wait_read(buf + have, sizeof buf - have)) > 0) {
		char *line = buf, *end = buf + have + n, *lf;
		while ((lf = memchr(line, '\n', end - line))) {
			answer(line, lf - line);
			line = lf + 1;
		}
		have = end - line;
		if (have == sizeof buf)
			return 1; /* the measurement has no line of a mebibyte */
		memmove(buf, line, have);
	}
	return n < 0;
}
