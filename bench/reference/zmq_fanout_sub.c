/* N subscribers on libzmq, with default options: a SUB socket each, subscribed to everything, one I/O thread.
 * Arguments: ENDPOINT N. See fanout_sub.h.
 *
 * It costs least to use epoll(7) on the sockets' descriptors and to read each socket until it is empty: zmq_poll asks
 * every socket every time. A descriptor is readable while its socket has commands to process, and a recv that finds no
 * message has processed them all. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <zmq.h>
#include "fanout_sub.h"

static void **sockets;

static void open_all(const char *endpoint, int epoll)
{
	void *context = zmq_ctx_new();

	if (!(sockets = calloc(count, sizeof *sockets)))
		exit(2);
	for (int i = 0; i < count; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };
		int fd;
		size_t size = sizeof fd;
		sockets[i] = zmq_socket(context, ZMQ_SUB);
		if (!sockets[i] || zmq_setsockopt(sockets[i], ZMQ_SUBSCRIBE, "", 0) || zmq_connect(sockets[i], endpoint) ||
		    zmq_getsockopt(sockets[i], ZMQ_FD, &fd, &size) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
			exit(2);
	}
}

/* drain takes what a socket holds. */
static void drain(int i)
{
	int64_t ns = now_ns();
	zmq_msg_t m;

	zmq_msg_init(&m);
	while (zmq_msg_recv(&m, sockets[i], ZMQ_DONTWAIT) >= 0)
		if (!zmq_msg_more(&m) && zmq_msg_size(&m) >= SMALLEST)
			take(&subscriptions[i], zmq_msg_data(&m), ns);
	zmq_msg_close(&m);
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
	for (int i = 0; i < count; i++)
		drain(i); /* what happened before epoll knew of it */
	while (ended < count) {
		n = epoll_wait(epoll, events, 64, messages ? QUIET_MS : -1);
		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		for (int i = 0; i < n; i++)
			drain(events[i].data.u32);
		give_credit();
	}
	report();
	return 0; /* sockets that are not closed end with the process */
}
