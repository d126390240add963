/* secure makes a socket a CURVE server or client, with the keys of libzmq's documentation, if -DCURVE is given. */
static int secure(void *socket, int server)
{
#ifdef CURVE
	static const char server_public[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
			  server_secret[] = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
			  client_public[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
			  client_secret[] = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

	if (server)
		return zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) ||
		       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, server_secret, sizeof server_secret);
	return zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, server_public, sizeof server_public) ||
	       zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, client_public, sizeof client_public) ||
	       zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, client_secret, sizeof client_secret);
#else
	(void)socket, (void)server;
	return 0;
#endif
}
