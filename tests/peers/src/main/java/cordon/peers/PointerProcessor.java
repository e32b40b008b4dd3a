package cordon.peers;

import cordon.peers.payload.Letter;

/** Streams over pointers. */
final class PointerProcessor extends CommitProcessor {
    private final Worker worker;

    PointerProcessor(Settings settings, Counts counts) {
        worker = new Worker(settings, counts);
    }

    @Override
    void add(byte[] value, Letter.Origin from) {
        worker.add(value, from, this);
    }

    @Override
    long lines() {
        return worker.lines();
    }

    @Override
    void seal() {
        worker.seal(this);
    }
}
