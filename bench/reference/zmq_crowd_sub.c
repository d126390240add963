/* Many libzmq SUB sockets that receive everything until a message that contains "]: the end", and keep accounts as
 * bench/crowd does. Arguments: ENDPOINT COUNT. Prints "ready" after all handshakes, and at the end a line per socket:
 *   libzmq RECEIVED 0 0 LEFT_OUT DISORDER LAST */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

struct tally {
	long long received, left_out, disorder, next;
	int done; /* the number of the last message */
};

/* await_handshake connects a socket and waits until its handshake is complete. */
static int await_handshake(void *context, void *socket, int i, const char *endpoint)
{
	char name[64];
	void *pair = zmq_socket(context, ZMQ_PAIR);
	int timeout = 60000, rc;

	snprintf(name, sizeof name, "inproc://monitor-%d", i);
	if (!pair || zmq_socket_monitor(socket, name, ZMQ_EVENT_HANDSHAKE_SUCCEEDED) ||
	    zmq_setsockopt(pair, ZMQ_RCVTIMEO, &timeout, sizeof timeout) || zmq_connect(pair, name) || zmq_connect(socket, endpoint))
		return -1;
	rc = zmq_recv(pair, name, sizeof name, 0);
	zmq_socket_monitor(socket, NULL, 0);
	zmq_close(pair);
	return rc;
}

static void count(struct tally *t, zmq_msg_t *m)
{
	char head[128];
	size_t size = zmq_msg_size(m) < sizeof head - 1 ? zmq_msg_size(m) : sizeof head - 1;
	char *at;
	long long number;

	memcpy(head, zmq_msg_data(m), size);
	head[size] = 0;
	t->received++;
	at = strstr(head, "]: ");
	if (!at) {
		t->disorder++;
		return;
	}
	if (!strncmp(at + 3, "the end", 7)) {
		t->done = atoi(at + 10) > 0 ? atoi(at + 10) : 1;
		return;
	}
	number = atoll(at + 3);
	if (number < t->next) {
		t->disorder++;
		return;
	}
	t->left_out += number - t->next;
	t->next = number + 1;
}

/* take receives up to a hundred messages from a socket; then it is another's turn. */
static int take(void *socket, struct tally *t)
{
	int i;

	for (i = 0; i < 100 && !t->done; i++) {
		zmq_msg_t m;
		zmq_msg_init(&m);
		if (zmq_msg_recv(&m, socket, ZMQ_DONTWAIT) < 0)
			return zmq_errno() == EAGAIN ? 0 : -1;
		if (!zmq_msg_more(&m))
			count(t, &m);
		zmq_msg_close(&m);
	}
	return 0;
}

static int follow(zmq_pollitem_t *items, struct tally *tallies, int n)
{
	int i, left = n;

	while (left) {
		if (zmq_poll(items, n, -1) < 0)
			return 1;
		for (i = 0; i < n; i++) {
			if (!(items[i].revents & ZMQ_POLLIN) || tallies[i].done)
				continue;
			if (take(items[i].socket, &tallies[i]))
				return 1;
			left -= tallies[i].done > 0;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	void *context = zmq_ctx_new();
	int i, n = argc == 3 ? atoi(argv[2]) : 0;
	zmq_pollitem_t *items = calloc(n, sizeof *items);
	struct tally *tallies = calloc(n, sizeof *tallies);

	if (n < 1 || !items || !tallies || zmq_ctx_set(context, ZMQ_MAX_SOCKETS, 4 * n + 16))
		return 2;
	for (i = 0; i < n; i++) {
		items[i].socket = zmq_socket(context, ZMQ_SUB);
		items[i].events = ZMQ_POLLIN;
		if (!items[i].socket || zmq_setsockopt(items[i].socket, ZMQ_SUBSCRIBE, "", 0) ||
		    await_handshake(context, items[i].socket, i, argv[1]) < 0)
			return 1;
	}
	puts("ready");
	fflush(stdout);
	if (follow(items, tallies, n))
		return 1;
	for (i = 0; i < n; i++)
		printf("libzmq %lld 0 0 %lld %lld %d\n", tallies[i].received, tallies[i].left_out, tallies[i].disorder, tallies[i].done);
	return 0;
}
