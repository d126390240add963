/* A publisher on libzmq: an XPUB, which is notified of subscriptions. It connects. See fanout_pub.h.
 *
 * It waits instead of losing messages (ZMQ_XPUB_NODROP), so whatever is lost, the proxy has lost. All other options
 * have their defaults. Without this one an XPUB loses messages above half a high-water mark per millisecond, however
 * fast its peer reads: it checks only every 3,000,000 CPU ticks whether its peer has made room. */
#include <zmq.h>
#include "fanout_pub.h"

static void *context, *xpub;
static char *payload, (*names)[32];
static size_t payload_size;
static int name_count;

static void open_to(const char *endpoint, size_t size, int topics)
{
	context = zmq_ctx_new();
	xpub = zmq_socket(context, ZMQ_XPUB);
	payload = malloc(payload_size = size);
	names = calloc(topics + 1, sizeof *names);
	name_count = topics;
	if (!payload || !names || zmq_setsockopt(xpub, ZMQ_XPUB_NODROP, &(int){ 1 }, sizeof(int)) || zmq_connect(xpub, endpoint))
		exit(2);
	memset(payload, 'x', size);
	for (int i = 0; i < topics; i++)
		snprintf(names[i], sizeof *names, "app%d.info", i);
}

static void wait_subscribed(void)
{
	char heard[256];
	while (zmq_recv(xpub, heard, sizeof heard, 0) != 1 || heard[0] != 1) /* to everything */
		;
}

static void send_message(uint64_t number, int64_t ns)
{
	static int turn;

	memcpy(payload, &number, sizeof number);
	memcpy(payload + sizeof number, &ns, sizeof ns);
	if (name_count) {
		turn = turn + 1 < name_count ? turn + 1 : 0;
		if (zmq_send(xpub, names[turn], strlen(names[turn]), ZMQ_SNDMORE) < 0)
			exit(1);
	}
	if (zmq_send(xpub, payload, payload_size, 0) < 0)
		exit(1);
}

static void flush(void)
{
}

static void finish(void)
{
	zmq_close(xpub);
	zmq_ctx_term(context);
}
