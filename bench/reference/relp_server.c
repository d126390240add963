/* A prompt RELP server: listens on a free port of 127.0.0.1, prints the port, and answers "200 OK" to whatever it has
 * read, gathered in one write(2) for each read(2), with TCP_QUICKACK and TCP_NODELAY. It stores nothing. After N syslog
 * frames it reports and ends. Arguments: N. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "report.h"

enum { CONNECTIONS = 16, BUFFER = 1 << 20 };

struct connection {
	char in[BUFFER], out[2 * BUFFER]; /* an answer is shorter than twice its frame */
	size_t have, answered;
};

static struct connection *connections[CONNECTIONS];
static struct pollfd sockets[1 + CONNECTIONS]; /* the first one listens */
static int count;
static long long messages, wanted, first_ns;

static void answer(struct connection *c, long number, const char *text)
{
	c->answered += sprintf(c->out + c->answered, "%ld rsp %zu %s\n", number, strlen(text), text);
}

/* take_frame returns the size of the frame that p begins with, 0 if it is not complete, or -1 if it is no frame. The
 * form is NUMBER SP COMMAND SP LENGTH [SP DATA] LF. */
static long take_frame(struct connection *c, char *p, size_t n)
{
	char *end = p + n, *command, *length, *after;
	long number, size;

	if (!(command = memchr(p, ' ', n)) || !(length = memchr(command + 1, ' ', end - command - 1)))
		return n > 64 ? -1 : 0;
	number = strtol(p, NULL, 10);
	for (size = 0, after = length + 1; after < end && *after >= '0' && *after <= '9'; after++)
		size = 10 * size + *after - '0';
	after += size > 0; /* the space before the data */
	if (size > BUFFER / 2)
		return -1;
	if (end - after < size + 1)
		return 0;
	if (after[size] != '\n')
		return -1;
	if (!memcmp(command, " syslog ", 8)) {
		if (messages++ == 0)
			first_ns = now_ns();
		answer(c, number, "200 OK");
	} else if (!memcmp(command, " open ", 6)) {
		answer(c, number, "200 OK\nrelp_version=0\nrelp_software=reference\ncommands=syslog");
	} else {
		c->answered += sprintf(c->out + c->answered, "%ld rsp 0\n", number); /* close */
	}
	return after + size + 1 - p;
}

/* serve reads once and returns how many bytes came; 0 and less end the connection. */
static ssize_t serve(struct connection *c, int fd)
{
	ssize_t n = read(fd, c->in + c->have, BUFFER - c->have);
	size_t used = 0, written;
	long size;

	if (n <= 0)
		return n < 0 && errno == EINTR ? 1 : n;
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 1 }, sizeof(int));
	c->have += n;
	c->answered = 0;
	while ((size = take_frame(c, c->in + used, c->have - used)) > 0)
		used += size;
	if (size < 0)
		return -1;
	memmove(c->in, c->in + used, c->have -= used);
	for (written = 0; written < c->answered; written += size)
		if ((size = write(fd, c->out + written, c->answered - written)) <= 0)
			return -1;
	return n;
}

static void welcome(void)
{
	int fd = accept(sockets[0].fd, NULL, NULL);

	if (fd < 0 || count == CONNECTIONS || !(connections[count] = calloc(1, sizeof **connections)))
		exit(1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &(int){ 1 }, sizeof(int));
	sockets[++count] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	int i;

	if (argc != 2)
		return 2;
	wanted = atoll(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	sockets[0] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
	if (bind(sockets[0].fd, (struct sockaddr *)&a, size) || listen(sockets[0].fd, CONNECTIONS) ||
	    getsockname(sockets[0].fd, (struct sockaddr *)&a, &size))
		return 1;
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	while (messages < wanted) {
		if (poll(sockets, 1 + count, -1) < 0 && errno != EINTR)
			return 1;
		if (sockets[0].revents)
			welcome();
		for (i = 1; i <= count; i++)
			if (sockets[i].revents && serve(connections[i - 1], sockets[i].fd) <= 0) {
				close(sockets[i].fd);
				sockets[i].fd = -1; /* poll(2) ignores it */
			}
	}
	report_to_file(stdout, messages, first_ns, now_ns());
	return 0;
}
