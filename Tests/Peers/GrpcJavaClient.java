import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A gRPC client of grpc-java (netty): a thread for each call at once, every answer verified byte for byte. */
public final class GrpcJavaClient {
    static final String SERVICE = "evenkeel.lab.Echo";
    static final int SEEDS = 16;
    static final double SLACK = 30; // seconds a call may take beyond what it asks for

    static volatile long end; // of System.nanoTime()

    public static void main(String[] arguments) throws InterruptedException {
        Map<String, String> options = options(arguments);
        byte[][] patterns = IntStream.range(0, SEEDS).mapToObj(GrpcJavaClient::pattern).toArray(byte[][]::new);
        Report report = new Report();
        end = System.nanoTime() + (long) (Double.parseDouble(options.get("--seconds")) * 1e9);
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < Integer.parseInt(options.get("--channels")); number++) {
            Caller caller = new Caller(number, options, patterns, report);
            for (int i = 0; i < Integer.parseInt(options.get("--concurrency")); i++) {
                int worker = i;
                threads.add(new Thread(() -> caller.unaryCalls(worker)));
            }
            for (int i = 0; i < Integer.parseInt(options.get("--streams")); i++) {
                threads.add(new Thread(caller::longStreams));
            }
        }
        // At SIGTERM the machine runs its hooks and then ends: this one waits until the calls are over.
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            end = System.nanoTime();
            try {
                main.join();
            } catch (InterruptedException impossible) {
                throw new IllegalStateException(impossible);
            }
        }));
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                thread.join(1000);
                if (thread.isAlive()) report.show("progress");
            }
        }
        report.show("done");
        boolean failed = report.failed() > 0;
        new Thread(() -> Runtime.getRuntime().halt(failed ? 1 : 0)).start();
    }

    static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>(Map.of(
            "--target", "", "--seconds", "10", "--channels", "1", "--concurrency", "2",
            "--bodies", "1,100,1000,16379,16384,65535,65536,300000,1000000,4194304", "--pause-milliseconds", "0",
            "--streams", "1", "--stream-seconds", "15", "--tick-milliseconds", "100"));
        for (int i = 0; i < arguments.length; i += 2) {
            if (!options.containsKey(arguments[i]) || i + 1 == arguments.length) {
                System.err.println("no such flag, or no value: " + arguments[i]);
                System.exit(64);
            }
            options.put(arguments[i], arguments[i + 1]);
        }
        return options;
    }

    /** SHA-256(seed ‖ 0) ‖ … ‖ SHA-256(seed ‖ 2046), all numbers as 8 bytes, big-endian. */
    static byte[] pattern(int seed) {
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            ByteBuffer bytes = ByteBuffer.allocate(2047 * 32);
            for (long counter = 0; counter < 2047; counter++) {
                bytes.put(sha.digest(ByteBuffer.allocate(16).putLong(seed).putLong(counter).array()));
            }
            return bytes.array();
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Counts, printed as one JSON object a line. */
    static final class Report {
        private int ok;
        private final Map<String, Integer> errors = new TreeMap<>();
        private final Map<String, Integer> byServer = new TreeMap<>();
        private final Map<Integer, Set<String>> connections = new HashMap<>(); // by channel: the servers and peers seen

        /** Our servers say in the trailers who they are and from where they saw the call come. */
        synchronized void succeeded(int channel, String server, String peer) {
            ok++;
            byServer.merge(server, 1, Integer::sum);
            connections.computeIfAbsent(channel, key -> new HashSet<>()).add(server + " " + peer);
        }

        synchronized void fail(String text) {
            errors.merge(text.substring(0, Math.min(160, text.length())), 1, Integer::sum);
        }

        synchronized int failed() {
            return errors.values().stream().mapToInt(Integer::intValue).sum();
        }

        synchronized void show(String event) {
            int seen = connections.values().stream().mapToInt(Set::size).sum();
            System.out.printf("{\"event\": \"%s\", \"ok\": %d, \"failed\": %d, \"errors\": %s, \"connections\": %d, "
                + "\"reconnects\": %d, \"by_server\": %s}%n",
                event, ok, failed(), json(errors), seen, seen - connections.size(), json(byServer));
        }

        private static String json(Map<String, Integer> counts) {
            return counts.entrySet().stream().map(each -> quoted(each.getKey()) + ": " + each.getValue())
                .collect(Collectors.joining(", ", "{", "}"));
        }

        private static String quoted(String text) {
            return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ") + '"';
        }
    }

    /** Messages are plain bytes. */
    static final class Raw implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] message) {
            return new ByteArrayInputStream(message);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try (stream) {
                return stream.readAllBytes();
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }

    /** What came of a call. */
    record Outcome(List<byte[]> answer, Status status, Metadata trailers) {}

    /** Calls on one channel, which has a TCP connection of its own. */
    static final class Caller {
        private final int number;
        private final Map<String, String> options;
        private final byte[][] patterns;
        private final Report report;
        private final ManagedChannel channel;

        Caller(int number, Map<String, String> options, byte[][] patterns, Report report) {
            this.number = number;
            this.options = options;
            this.patterns = patterns;
            this.report = report;
            channel = ManagedChannelBuilder.forTarget(options.get("--target")).usePlaintext()
                .maxInboundMessageSize(Integer.MAX_VALUE).proxyDetector(address -> null).build();
        }

        private double secondsLeft() {
            return (end - System.nanoTime()) / 1e9;
        }

        void unaryCalls(int worker) {
            int[] sizes = Arrays.stream(options.get("--bodies").split(",")).mapToInt(Integer::parseInt).toArray();
            double pause = Double.parseDouble(options.get("--pause-milliseconds"));
            Random random = ThreadLocalRandom.current();
            for (int turn = worker; secondsLeft() > 0; turn++) { // workers start at different sizes
                byte[] payload = new byte[1 + random.nextInt(3000)];
                random.nextBytes(payload);
                check("Echo", payload, List.of(payload), 0);
                int size = sizes[turn % sizes.length];
                int seed = random.nextInt(SEEDS);
                byte[] request = utf8("{\"bytes\": " + size + ", \"seed\": " + seed + "}");
                check("Body", request, List.of(body(seed, size)), 0);
                sleep(pause);
            }
        }

        /** The first at once; another only if it can end in time. */
        void longStreams() {
            double seconds = Double.parseDouble(options.get("--stream-seconds"));
            int milliseconds = Integer.parseInt(options.get("--tick-milliseconds"));
            int count = (int) Math.round(seconds * 1000 / milliseconds);
            byte[] request = utf8("{\"milliseconds\": " + milliseconds + ", \"count\": " + count + "}");
            List<byte[]> expected = IntStream.range(0, count).mapToObj(tick -> utf8("" + tick)).toList();
            do {
                check("Ticks", request, expected, seconds);
            } while (secondsLeft() >= seconds);
        }

        private void check(String method, byte[] request, List<byte[]> expected, double seconds) {
            Outcome outcome = call(method, request, seconds + SLACK).join();
            Status status = outcome.status();
            if (!status.isOk()) {
                report.fail(method + ": " + status.getCode() + ": " + status.getDescription());
            } else if (!isSame(outcome.answer(), expected)) {
                report.fail(method + ": wrong answer, " + outcome.answer().size() + " messages");
            } else {
                report.succeeded(number, trailer(outcome, "x-server"), trailer(outcome, "x-peer"));
            }
        }

        private CompletableFuture<Outcome> call(String method, byte[] request, double seconds) {
            boolean streaming = method.equals("Ticks");
            MethodDescriptor<byte[], byte[]> descriptor = MethodDescriptor.<byte[], byte[]>newBuilder()
                .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, method))
                .setType(streaming ? MethodDescriptor.MethodType.SERVER_STREAMING : MethodDescriptor.MethodType.UNARY)
                .setRequestMarshaller(new Raw()).setResponseMarshaller(new Raw()).build();
            CallOptions limits = CallOptions.DEFAULT.withDeadlineAfter((long) (seconds * 1e9), TimeUnit.NANOSECONDS);
            CompletableFuture<Outcome> outcome = new CompletableFuture<>();
            List<byte[]> answer = new ArrayList<>();
            ClientCall<byte[], byte[]> call = channel.newCall(descriptor, limits);
            call.start(new ClientCall.Listener<>() {
                @Override
                public void onMessage(byte[] message) {
                    answer.add(message);
                    call.request(1);
                }

                @Override
                public void onClose(Status status, Metadata trailers) {
                    outcome.complete(new Outcome(answer, status, trailers));
                }
            }, new Metadata());
            call.request(2); // a message and the end, or the first two messages
            call.sendMessage(request);
            call.halfClose();
            return outcome;
        }

        private byte[] body(int seed, int size) {
            byte[] bytes = new byte[size];
            for (int at = 0; at < size; at += patterns[seed].length) {
                System.arraycopy(patterns[seed], 0, bytes, at, Math.min(patterns[seed].length, size - at));
            }
            return bytes;
        }

        private static boolean isSame(List<byte[]> one, List<byte[]> other) {
            return one.size() == other.size()
                && IntStream.range(0, one.size()).allMatch(i -> Arrays.equals(one.get(i), other.get(i)));
        }

        private static String trailer(Outcome outcome, String name) {
            return String.valueOf(outcome.trailers().get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER)));
        }

        private static byte[] utf8(String text) {
            return text.getBytes(StandardCharsets.UTF_8);
        }

        private static void sleep(double milliseconds) {
            try {
                Thread.sleep((long) milliseconds);
            } catch (InterruptedException impossible) {
                throw new IllegalStateException(impossible);
            }
        }
    }
}
