package cordon.peers;

import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * {@code Main streams-eos|parallel-consumer|per-record}: runs a peer until its standard input ends,
 * then prints what it did. {@code Main lines}: makes the records that the last one reads.
 */
public final class Main {
    private static final Duration CLOSE_MAX = Duration.ofSeconds(60);

    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Settings settings = new Settings(arguments[0], System.getenv());
        if (settings.name().equals("lines")) {
            LineLoader.run(settings, Integer.parseInt(arguments[1]));
            return;
        }
        Counts counts = new Counts();
        AutoCloseable peer = switch (settings.name()) {
            case "streams-eos" -> Streams.overPointers(settings, counts);
            case "parallel-consumer" -> Parallel.run(settings, counts);
            case "per-record" -> Streams.overLines(settings, counts);
            default -> throw new IllegalArgumentException("no such peer: " + settings.name());
        };
        waitForEndOfInput();
        haltAfter(CLOSE_MAX);
        peer.close();
        System.out.println(counts.toJson());
        System.exit(0);
    }

    /** A peer that cannot end, its broker gone perhaps, must not run on without a harness. */
    private static void haltAfter(Duration limit) {
        Thread watchdog = new Thread(() -> {
            try {
                Thread.sleep(limit.toMillis());
            } catch (InterruptedException nobodyDoes) {
                return;
            }
            Runtime.getRuntime().halt(1);
        });
        watchdog.setDaemon(true);
        watchdog.start();
    }

    private static void waitForEndOfInput() throws InterruptedException {
        CountDownLatch ended = new CountDownLatch(1);
        Thread reader = new Thread(() -> {
            try {
                System.in.transferTo(OutputStream.nullOutputStream());
            } catch (IOException ends) {
                // Whatever ends it, the harness is gone.
            }
            ended.countDown();
        });
        reader.setDaemon(true);
        reader.start();
        ended.await();
    }
}
