package cordon.peers;

import cordon.peers.graph.Batch;
import cordon.peers.payload.AvroWriter;
import cordon.peers.payload.Letter;

/**
 * Streams over lines: the same merge for each transaction, but the elements go into records instead
 * of an object.
 */
final class LineProcessor extends CommitProcessor implements Batch.Elements {
    /** Records of elements; far below Kafka's limit of a megabyte. */
    private static final int RECORD_BYTES = 128 << 10;

    private final Settings settings;
    private final Counts counts;
    private final Batch batch;
    private final AvroWriter record = new AvroWriter();
    private byte[] batchId = Worker.newBatchId();
    private int partition;

    LineProcessor(Settings settings, Counts counts) {
        this.settings = settings;
        this.counts = counts;
        this.batch = new Batch(counts);
    }

    @Override
    void add(byte[] value, Letter.Origin from) {
        batch.add(value, 0, value.length,
                detail -> letter(Letter.encode(settings.name(), batchId, from, detail, value)));
    }

    @Override
    long lines() {
        return batch.lines();
    }

    @Override
    void seal() {
        if (batch.lines() == 0) {
            return;
        }
        Batch.Sealed graph = batch.take(settings.partitions());
        for (partition = 0; partition < settings.partitions(); partition++) {
            counts.elementsOut.add(graph.count(partition));
            graph.write(partition, 0, graph.count(partition), this);
            send();
        }
        batchId = Worker.newBatchId();
        counts.batches.increment();
    }

    @Override
    public AvroWriter datum() {
        return record;
    }

    @Override
    public void ended(int start) {
        if (record.len() > RECORD_BYTES) {
            send();
        }
    }

    private void send() {
        if (record.len() > 0) {
            pointer(partition, record.toBytes());
            record.clear();
        }
    }
}
