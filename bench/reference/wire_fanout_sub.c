/* N subscribers that cost next to nothing: bare ZMTP, a TCP connection each, subscribed to everything, and one thread
 * that reads as much as there is into one buffer. Arguments: ENDPOINT N. See fanout_sub.h. */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include "zmtp.h"
#include "fanout_sub.h"

enum { ROOM = 256 << 10, LONGEST = 2 + 255 }; /* all frames are short */

/* connection holds the beginning of a frame whose end has not arrived yet. */
struct connection {
	int fd, held;
	unsigned char start[LONGEST];
};

static struct connection *connections;

static void open_all(const char *endpoint, int epoll)
{
	if (!(connections = calloc(count, sizeof *connections)))
		exit(2);
	for (int i = 0; i < count; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };
		int fd = connections[i].fd = zmtp_connect(endpoint, "SUB");
		write_all(fd, "\0\1\1", 3); /* a message: subscribe to everything */
		if (fcntl(fd, F_SETFL, O_NONBLOCK) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
			exit(2);
	}
}

/* drain reads once from a connection; epoll reports what is left. */
static void drain(int i)
{
	static unsigned char buffer[LONGEST + ROOM];
	struct connection *c = &connections[i];
	unsigned char *at = buffer, *end;
	int64_t ns;
	ssize_t n;

	memcpy(buffer, c->start, c->held);
	n = read(c->fd, buffer + c->held, ROOM);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		exit(1);
	ns = now_ns();
	for (end = buffer + c->held + n; end - at >= 2 && end - at >= 2 + at[1]; at += 2 + at[1]) {
		if (at[0] & LONG)
			exit(1);
		if (!(at[0] & (MORE | COMMAND)) && at[1] >= SMALLEST)
			take(&subscriptions[i], at + 2, ns);
	}
	c->held = end - at;
	memcpy(c->start, at, c->held);
}

int main(int argc, char **argv)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(0), n;

	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	fcntl(CREDITS, F_SETFL, O_NONBLOCK);
	begin_account(atoi(argv[2]));
	open_all(argv[1], epoll);
	while (ended < count) {
		n = epoll_wait(epoll, events, 64, messages ? QUIET_MS : -1);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		for (int i = 0; i < n; i++)
			drain(events[i].data.u32);
		give_credit();
	}
	report();
	return 0;
}
