import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

/**
 * One socket of JeroMQ, an implementation of ZMTP and CURVE that shares no code with libzmq, on two pipes as socket.py
 * is: PUSH and PUB send what comes on stdin, PULL and SUB print what they receive.
 *
 * <p>Arguments: a type, then pairs: bind, connect, subscribe, public, secret, server (the server's key; "self": be one).
 */
public final class Socket {
    private Socket() {}

    public static void main(String[] args) throws IOException {
        Map<String, String> given = new HashMap<>();
        for (int i = 1; i < args.length; i += 2) {
            given.put(args[i], args[i + 1]);
        }
        ZContext context = new ZContext();
        context.setLinger(5000);
        SocketType type = SocketType.valueOf(args[0]);
        ZMQ.Socket socket = context.createSocket(type);
        socket.setHandshakeIvl(1000); // one connection in thirty it opens and never greets, libzmq as little
        secure(socket, given);
        if (given.containsKey("subscribe")) {
            socket.subscribe(given.get("subscribe"));
        }
        if (given.containsKey("bind")) {
            socket.bind(given.get("bind"));
        } else {
            socket.connect(given.get("connect"));
        }
        System.out.printf("{\"endpoint\": \"%s\"}%n", socket.getLastEndpoint());
        BufferedReader stdin = new BufferedReader(new InputStreamReader(System.in));
        if (type == SocketType.PUSH || type == SocketType.PUB) {
            send(socket, stdin);
            context.close();
        } else {
            endWith(stdin);
            receive(socket);
        }
    }

    private static void secure(ZMQ.Socket socket, Map<String, String> given) {
        socket.setCurvePublicKey(ZMQ.Curve.z85Decode(given.get("public")));
        socket.setCurveSecretKey(ZMQ.Curve.z85Decode(given.get("secret")));
        if (given.get("server").equals("self")) {
            socket.setCurveServer(true);
        } else {
            socket.setCurveServerKey(ZMQ.Curve.z85Decode(given.get("server")));
        }
    }

    /** Sends messages, a line each: ["base64", "base64"]. */
    private static void send(ZMQ.Socket socket, BufferedReader stdin) throws IOException {
        for (String line = stdin.readLine(); line != null; line = stdin.readLine()) {
            String[] frames = line.replaceAll("[\\[\\]\" ]", "").split(",");
            for (int i = 0; i < frames.length; i++) {
                socket.send(Base64.getDecoder().decode(frames[i]), i < frames.length - 1 ? ZMQ.SNDMORE : 0);
            }
        }
    }

    private static void receive(ZMQ.Socket socket) {
        for (;;) {
            StringBuilder line = new StringBuilder("[");
            do {
                line.append(line.length() > 1 ? ", " : "").append('"');
                line.append(Base64.getEncoder().encodeToString(socket.recv())).append('"');
            } while (socket.hasReceiveMore());
            System.out.println(line.append(']'));
        }
    }

    /** Ends the process at the end of stdin. */
    private static void endWith(BufferedReader stdin) {
        Thread thread = new Thread(() -> {
            try {
                while (stdin.readLine() != null) {
                    continue;
                }
            } catch (IOException e) {
                System.err.println(e);
            }
            Runtime.getRuntime().halt(0);
        });
        thread.setDaemon(true);
        thread.start();
    }
}
