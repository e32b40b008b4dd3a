package cordon.peers.payload;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import cordon.peers.graph.Batch;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Writes an object of self-contained sections: container files with our schema, zstd of cordon's
 * own level, blocks of its own size.
 */
public final class SectionWriter implements Batch.Elements, AutoCloseable {
    private static final int BLOCK_BYTES = 128 << 10;
    private static final int ZSTD_LEVEL = 1;

    private final ZstdCompressCtx zstd = new ZstdCompressCtx();
    private final AvroWriter object = new AvroWriter();
    private final AvroWriter block = new AvroWriter();
    private final List<Section> sections = new ArrayList<>();
    private byte[] packed = new byte[(int) Zstd.compressBound(2 * BLOCK_BYTES)];
    private byte[] sync;
    private int sectionStart;
    private long blockDatapoints;
    private long datapoints;
    private long decodedBytes;

    /** Where a section lies in the object, and what it holds. */
    public record Section(int partition, int start, int bytes, long datapoints, long decodedBytes) {}

    public SectionWriter() {
        zstd.setLevel(ZSTD_LEVEL);
        zstd.setChecksum(true);
    }

    /** Where the next datum is to be written; {@link #ended} follows it. */
    @Override
    public AvroWriter datum() {
        return block;
    }

    /** Counts the datum that was written from {@code start} on. */
    @Override
    public void ended(int start) {
        if (start > 0 && block.len() > BLOCK_BYTES) {
            writeBlock(start);
        }
        blockDatapoints++;
        datapoints++;
    }

    public long datapoints() {
        return datapoints;
    }

    public void endSection(int partition) {
        if (blockDatapoints > 0) {
            writeBlock(block.len());
        }
        int bytes = object.len() - sectionStart;
        sections.add(new Section(partition, sectionStart, bytes, datapoints, decodedBytes));
        sectionStart = object.len();
        sync = null;
        datapoints = 0;
        decodedBytes = 0;
    }

    /** The object, which stands in the writer's buffer until {@link #clear}. */
    public AvroWriter object() {
        return object;
    }

    public List<Section> sections() {
        return sections;
    }

    public void clear() {
        object.clear();
        sections.clear();
        sectionStart = 0;
    }

    private void writeBlock(int end) {
        int bound = (int) Zstd.compressBound(end);
        if (bound > packed.length) {
            packed = new byte[bound];
        }
        int bytes = zstd.compressByteArray(packed, 0, packed.length, block.buffer(), 0, end);
        if (sync == null) {
            writeHeader(bytes);
        }
        object.number(blockDatapoints).number(bytes).fixed(packed, 0, bytes).fixed(sync);
        decodedBytes += end;
        blockDatapoints = 0;
        block.drop(end);
    }

    /** The sync marker derives from the content, as cordon's does. */
    private void writeHeader(int firstBytes) {
        MessageDigest digest = Sha.digest();
        digest.update(packed, 0, firstBytes);
        sync = Arrays.copyOf(digest.digest(), 16);
        object.fixed(new byte[] {'O', 'b', 'j', 1}).number(2);
        object.text("avro.codec").text("zstandard");
        object.text("avro.schema").blob(Schemas.ELEMENT.json());
        object.number(0).fixed(sync);
    }

    @Override
    public void close() {
        zstd.close();
    }
}
