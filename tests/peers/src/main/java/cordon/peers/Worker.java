package cordon.peers;

import cordon.peers.graph.Batch;
import cordon.peers.payload.AvroWriter;
import cordon.peers.payload.Letter;
import cordon.peers.payload.Pointer;
import cordon.peers.payload.S3;
import cordon.peers.payload.Schemas;
import cordon.peers.payload.SectionReader;
import cordon.peers.payload.SectionWriter;
import cordon.peers.payload.Sha;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.UUID;

/**
 * The work on pointers, as the two peers that get them share it: fetch, decompress, parse, merge,
 * and once for each transaction an object with its pointers. One thread uses it.
 */
final class Worker {
    private final Settings settings;
    private final Counts counts;
    private final Batch batch;
    private final S3 s3;
    private final SectionReader reader = new SectionReader();
    private final SectionWriter writer = new SectionWriter();
    private byte[] batchId = newBatchId();

    /** Takes the records of a transaction. */
    interface Records {
        void pointer(int partition, byte[] value);

        void letter(byte[] value);
    }

    Worker(Settings settings, Counts counts) {
        this.settings = settings;
        this.counts = counts;
        this.batch = new Batch(counts);
        this.s3 = settings.s3();
    }

    /** Lines of the open batch. */
    long lines() {
        return batch.lines();
    }

    /** Takes the payload of one pointer into the open batch; letters are sent at once. */
    void add(byte[] record, Letter.Origin from, Records records) {
        Pointer pointer = Pointer.decode(record);
        byte[] payload = fetch(pointer);
        long[] index = {0};
        reader.read(payload, (bytes, start, len) -> {
            long at = index[0]++;
            batch.add(bytes, start, len, detail -> records.letter(Letter.encode(settings.name(), batchId, from, at,
                    pointer.bucket(), pointer.key(), detail, bytes, start, len)));
        });
        if (index[0] != pointer.datapoints()) {
            throw new IllegalStateException(pointer.key() + " holds " + index[0] + " lines");
        }
    }

    private byte[] fetch(Pointer pointer) {
        try {
            byte[] payload = s3.get(pointer.bucket(), pointer.key(), pointer.rangeStart(), pointer.rangeBytes());
            if (!Arrays.equals(Sha.of(payload, 0, payload.length), pointer.digest())) {
                throw new IllegalStateException(pointer.key() + " does not have its digest");
            }
            return payload;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** Writes the open batch as one object, and sends its pointers. */
    void seal(Records records) {
        if (batch.lines() == 0) {
            return;
        }
        Batch.Sealed graph = batch.take(settings.partitions());
        for (int partition = 0; partition < settings.partitions(); partition++) {
            writeSections(graph, partition);
        }
        if (!writer.sections().isEmpty()) {
            String key = settings.output() + '/' + System.currentTimeMillis() + '-' + UUID.randomUUID();
            AvroWriter object = writer.object();
            try {
                s3.put(Settings.BUCKET, key, object.buffer(), object.len());
            } catch (IOException failed) {
                throw new UncheckedIOException(failed);
            }
            writer.sections().forEach(section -> records.pointer(
                    section.partition(), pointer(key, section).encode(graph.timeMinMs(), graph.timeMaxMs())));
        }
        writer.clear();
        batchId = newBatchId();
        counts.batches.increment();
    }

    private void writeSections(Batch.Sealed graph, int partition) {
        int count = graph.count(partition);
        counts.elementsOut.add(count);
        for (int from = 0; from < count; from += Settings.SECTION_ELEMENTS_MAX) {
            graph.write(partition, from, Math.min(from + Settings.SECTION_ELEMENTS_MAX, count), writer);
            writer.endSection(partition);
        }
    }

    private Pointer pointer(String key, SectionWriter.Section section) {
        byte[] digest = Sha.of(writer.object().buffer(), section.start(), section.bytes());
        return new Pointer(Settings.BUCKET, key, section.start(), section.bytes(), digest, section.datapoints(),
                section.decodedBytes(), Schemas.ELEMENT.fingerprint(), settings.name());
    }

    static byte[] newBatchId() {
        UUID id = UUID.randomUUID();
        AvroWriter bytes = new AvroWriter();
        return bytes.half(id.getMostSignificantBits()).half(id.getLeastSignificantBits()).toBytes();
    }
}
