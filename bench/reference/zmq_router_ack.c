/* A receiver of acknowledged delivery on libzmq (docs/delivery.md): a ROUTER that stores nothing. It acknowledges the
 * newest number of each sender once it has taken what had arrived, at most BURST messages. It binds a free port, prints
 * the endpoint, takes N messages and reports. Arguments: N [STALL]; after STALL messages it neither reads nor
 * acknowledges any more. */
#include <string.h>
#include <unistd.h>
#include <zmq.h>
#include "report.h"

enum { BURST = 1000, SENDERS = 1024, IDENTITY = 17, NUMBER = 8 };

static struct sender {
	char identity[IDENTITY], newest[NUMBER];
	int owed;
} senders[SENDERS];
static int count;

static struct sender *sender_of(const void *identity)
{
	static int last; /* messages come in runs of one sender */
	int i;

	if (last < count && !memcmp(senders[last].identity, identity, IDENTITY))
		return &senders[last];
	for (i = 0; i < count && memcmp(senders[i].identity, identity, IDENTITY); i++)
		;
	if (i == SENDERS)
		exit(1);
	if (i == count)
		memcpy(senders[count++].identity, identity, IDENTITY);
	return &senders[last = i];
}

/* take receives a message: identity, number, topic, payload. It returns 0 if there is none. */
static int take(void *router, int flags)
{
	zmq_msg_t m;
	struct sender *from = NULL;
	int frame, more;

	zmq_msg_init(&m);
	for (frame = 0, more = 1; more; frame++) {
		if (zmq_msg_recv(&m, router, flags) < 0)
			return 0;
		flags = 0;
		more = zmq_msg_more(&m);
		if (frame == 0) {
			if (zmq_msg_size(&m) != IDENTITY)
				exit(1);
			from = sender_of(zmq_msg_data(&m));
		} else if (frame == 1) {
			if (zmq_msg_size(&m) != NUMBER)
				exit(1);
			memcpy(from->newest, zmq_msg_data(&m), NUMBER);
			from->owed = 1;
		}
	}
	zmq_msg_close(&m);
	return 1;
}

static void acknowledge(void *router)
{
	for (int i = 0; i < count; i++)
		if (senders[i].owed) {
			if (zmq_send(router, senders[i].identity, IDENTITY, ZMQ_SNDMORE) < 0 ||
			    zmq_send(router, senders[i].newest, NUMBER, 0) < 0)
				exit(1);
			senders[i].owed = 0;
		}
}

int main(int argc, char **argv)
{
	char endpoint[256];
	size_t size = sizeof endpoint;
	void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
	long long n = 0, wanted, stall, first = 0;
	int burst, handover = 1;

	if (argc < 2 || argc > 3 || zmq_setsockopt(router, ZMQ_ROUTER_HANDOVER, &handover, sizeof handover) ||
	    zmq_bind(router, "tcp://127.0.0.1:*") || zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size))
		return 2;
	wanted = atoll(argv[1]);
	stall = argc == 3 ? atoll(argv[2]) : wanted;
	printf("%s\n", endpoint);
	fflush(stdout);
	while (n < wanted) {
		if (n >= stall)
			pause();
		if (!take(router, 0))
			return 1;
		if (n++ == 0)
			first = now_ns();
		for (burst = 1; burst < BURST && n < wanted && n < stall && take(router, ZMQ_DONTWAIT); burst++)
			n++;
		acknowledge(router);
	}
	report_to_file(stdout, n, first, now_ns());
	zmq_close(router);
	return zmq_ctx_term(context); /* waits until the last acknowledgement is sent */
}
