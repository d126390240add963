// Writes this folder's certificates with libczmq, and prints what libczmq reads from them:
// cc -o make make.c -lczmq -lzmq && ./make && rm make
#include <czmq.h>

static bool curve = true;

// libczmq asks libzmq whether it has CURVE. This program answers in libzmq's place.
int zmq_has(const char *capability)
{
	return !streq(capability, "curve") || curve;
}

static zcert_t *from(const char *secret)
{
	char public[41];
	byte p[32], s[32];
	assert(zmq_curve_public(public, secret) == 0);
	assert(zmq_z85_decode(p, public) && zmq_z85_decode(s, secret));
	return zcert_new_from(p, s);
}

static void save(zcert_t *cert, const char *name)
{
	assert(zcert_save(cert, name) == 0);
	zcert_t *read = zcert_load(name);
	printf("%s: ", name);
	if (read) {
		printf("%s\n", zcert_public_txt(read));
		zlist_t *fields = zcert_meta_keys(read);
		for (char *f = zlist_first(fields); f; f = zlist_next(fields))
			printf("    %s = %s\n", f, zcert_meta(read, f));
		zlist_destroy(&fields);
	} else
		printf("libczmq does not read it\n");
	zcert_destroy(&read);
	zcert_destroy(&cert);
}

int main(void)
{
	save(from("JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"), "server");

	zcert_t *client = from("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs");
	zcert_set_meta(client, "name", "web1.example.org");
	zcert_set_meta(client, "email", "operator@example.org");
	zcert_set_meta(client, "organization", "Example, Inc.");
	zcert_set_meta(client, "created-by", "CZMQ zmakecert");
	zcert_set_meta(client, "date-created", "2026-11-29 01:20:00");
	save(client, "client");

	zcert_t *marks = from("0123456789abcdefghijklmnopqrstuvwxyzABCD");
	zcert_set_meta(marks, "name", "rack #2; it's = web2");
	zcert_set_meta(marks, "organization", "Bücher & Söhne");
	zcert_set_meta(marks, "empty", "%s", "");
	zcert_set_meta(marks, "$a-b_c@d.e&f+g", "every mark that a field's name may have");
	save(marks, "marks");

	zcert_t *quotes = from("EFGHIJKLMNOPQRSTUVWXYZ0123456789abcdefgh");
	zcert_set_meta(quotes, "name", "the \"quoted\" one");
	save(quotes, "quotes");

	curve = false;
	zcert_t *zeros = zcert_new();
	zcert_set_meta(zeros, "name", "made without CURVE");
	save(zeros, "zeros");
	return 0;
}
