/* The minimum of ZMTP 3.0 (RFC 23) for a peer that trusts the other side: mechanism NULL, TCP on loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MORE = 1, LONG = 2, COMMAND = 4, GREETING = 64 };

static inline void write_all(int fd, const void *bytes, size_t n)
{
	for (ssize_t k; n; bytes = (const char *)bytes + k, n -= k)
		if ((k = write(fd, bytes, n)) <= 0)
			exit(1);
}

static void read_all(int fd, void *bytes, size_t n)
{
	for (ssize_t k; n; bytes = (char *)bytes + k, n -= k)
		if ((k = read(fd, bytes, n)) <= 0)
			exit(1);
}

/* read_frame reads a short frame and returns its size; flags are those of its first byte. */
static int read_frame(int fd, unsigned char *flags, void *body)
{
	unsigned char head[2];

	read_all(fd, head, 2);
	*flags = head[0];
	if (head[0] & LONG)
		exit(1); /* no peer here sends that much before a message */
	read_all(fd, body, head[1]);
	return head[1];
}

/* zmtp_connect connects to tcp://127.0.0.1:PORT as a socket of the given type and completes the handshake. */
static int zmtp_connect(const char *endpoint, const char *type)
{
	static const unsigned char greeting[GREETING] = { 0xff, [9] = 0x7f, 3, 0, 'N', 'U', 'L', 'L' };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), port, n = strlen(type);
	unsigned char ready[64] = "\x04\0\x05READY\x0bSocket-Type\0\0\0", body[256], flags;

	if (sscanf(endpoint, "tcp://127.0.0.1:%d", &port) != 1)
		exit(2);
	a.sin_port = htons(port);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)))
		exit(2);
	ready[1] = 22 + n; /* 6 for the command's name, 12 for the property's, 4 for its value's size */
	ready[23] = n;
	memcpy(ready + 24, type, n);
	write_all(fd, greeting, GREETING);
	write_all(fd, ready, 24 + n);
	read_all(fd, body, GREETING);
	read_frame(fd, &flags, body);
	if (!(flags & COMMAND) || memcmp(body, "\x05READY", 6))
		exit(1);
	return fd;
}
