/* A publisher that costs next to nothing: bare ZMTP on a blocking TCP connection, many messages in a write. It
 * waits for a proxy that does not read, and loses nothing. See fanout_pub.h. */
#include "zmtp.h"
#include "fanout_pub.h"

enum { LONGEST = 255, ROOM = 64 << 10 }; /* all frames are short */

static int fd, name_count;
static unsigned char buffer[ROOM], (*names)[32];
static size_t held, payload_size;

static void open_to(const char *endpoint, size_t size, int topics)
{
	names = calloc(topics + 1, sizeof *names);
	if (!names || size > LONGEST)
		exit(2);
	for (int i = 0; i < topics; i++) {
		names[i][0] = MORE;
		names[i][1] = sprintf((char *)names[i] + 2, "app%d.info", i);
	}
	payload_size = size;
	name_count = topics;
	memset(buffer, 'x', sizeof buffer);
	fd = zmtp_connect(endpoint, "XPUB");
}

static void wait_subscribed(void)
{
	unsigned char flags, body[256];
	while (read_frame(fd, &flags, body) != 1 || flags & COMMAND || body[0] != 1) /* to everything, in ZMTP 3.0's form */
		;
}

static void flush(void)
{
	write_all(fd, buffer, held);
	held = 0;
}

static void append(const void *bytes, size_t n)
{
	memcpy(buffer + held, bytes, n);
	held += n;
}

static void send_message(uint64_t number, int64_t ns)
{
	static int turn;

	if (held + 32 + 2 + LONGEST > sizeof buffer)
		flush();
	if (name_count) {
		turn = turn + 1 < name_count ? turn + 1 : 0;
		append(names[turn], 2 + names[turn][1]);
	}
	append((unsigned char[]){ 0, payload_size }, 2);
	append(&number, sizeof number);
	append(&ns, sizeof ns);
	held += payload_size - SMALLEST; /* whatever the buffer holds */
}

static void finish(void)
{
	close(fd);
}
