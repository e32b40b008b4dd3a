package cordon.peers.payload;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdDecompressCtx;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads the log lines of a payload: container files, one behind the other, in zstd blocks. */
public final class SectionReader implements AutoCloseable {
    private static final byte[] MAGIC = {'O', 'b', 'j', 1};
    private static final int SYNC_BYTES = 16;

    private final ZstdDecompressCtx zstd = new ZstdDecompressCtx();
    private byte[] block = new byte[1 << 19];

    /** Takes a line, which stands in a buffer until the next call. */
    public interface Lines {
        void take(byte[] bytes, int start, int len);
    }

    /** Reads all of a payload's lines. */
    public void read(byte[] payload, Lines lines) {
        AvroReader in = new AvroReader(payload, 0, payload.length);
        while (!in.isAtEnd()) {
            byte[] sync = header(in);
            while (!in.isAtEnd() && !isHeader(payload, in.place())) {
                block(payload, in, sync, lines);
            }
        }
    }

    private static boolean isHeader(byte[] payload, int place) {
        return Arrays.equals(payload, place, Math.min(place + 4, payload.length), MAGIC, 0, 4);
    }

    /** Reads a header with our own schema; returns the marker that ends each block. */
    private static byte[] header(AvroReader in) {
        require(Arrays.equals(in.fixed(MAGIC.length), MAGIC), "this is not an Avro container");
        for (long count = in.number(); count != 0; count = in.number()) {
            if (count < 0) {
                in.number();
            }
            for (long entry = Math.abs(count); entry > 0; entry--) {
                String key = in.text();
                byte[] value = in.blob();
                if (key.equals("avro.codec")) {
                    require(new String(value, StandardCharsets.US_ASCII).equals("zstandard"), "not zstd");
                }
            }
        }
        return in.fixed(SYNC_BYTES);
    }

    private void block(byte[] payload, AvroReader in, byte[] sync, Lines lines) {
        long datapoints = in.number();
        int packedBytes = in.size();
        int start = in.place();
        in.skip(packedBytes);
        require(Arrays.equals(in.fixed(SYNC_BYTES), sync), "a block does not end in its marker");
        int bytes = Math.toIntExact(Zstd.getFrameContentSize(payload, start, packedBytes));
        if (bytes > block.length) {
            block = new byte[bytes];
        }
        int unpacked = zstd.decompressByteArray(block, 0, bytes, payload, start, packedBytes);
        AvroReader datums = new AvroReader(block, 0, unpacked);
        for (long i = 0; i < datapoints; i++) {
            skipOrigin(datums);
            int len = datums.size();
            int line = datums.place();
            datums.skip(len);
            lines.take(block, line, len);
        }
        require(datums.isAtEnd(), "a block holds more than it says");
    }

    private static void skipOrigin(AvroReader datums) {
        if (datums.number() == 0) {
            datums.skip(32);
            datums.number();
        } else {
            datums.skip(datums.size());
            datums.number();
            datums.number();
        }
    }

    private static void require(boolean isTrue, String otherwise) {
        if (!isTrue) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    @Override
    public void close() {
        zstd.close();
    }
}
