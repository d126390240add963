/* The slow reference: a confirmer that sleeps in read(2) until the next line arrives. */
#include "confirm.h"

static ssize_t blocking_read(char *p, size_t n)
{
	return read(0, p, n);
}

int main(int argc, char **argv)
{
	return converse(argc, argv, blocking_read);
}
