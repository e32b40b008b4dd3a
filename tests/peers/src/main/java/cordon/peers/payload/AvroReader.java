package cordon.peers.payload;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Avro's binary encoding, out of a part of a buffer. */
public final class AvroReader {
    private final byte[] bytes;
    private final int end;
    private int place;

    public AvroReader(byte[] bytes, int start, int end) {
        this.bytes = bytes;
        this.place = start;
        this.end = end;
    }

    public boolean isAtEnd() {
        return place >= end;
    }

    public int place() {
        return place;
    }

    public long number() {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte part = bytes[place++];
            value |= (part & 0x7FL) << shift;
            if (part >= 0) {
                return value >>> 1 ^ -(value & 1);
            }
        }
    }

    public int size() {
        return Math.toIntExact(number());
    }

    public void skip(int count) {
        if (count < 0 || count > end - place) {
            throw new IllegalArgumentException("the datum is longer than its block");
        }
        place += count;
    }

    public byte[] fixed(int count) {
        int start = place;
        skip(count);
        return Arrays.copyOfRange(bytes, start, place);
    }

    public byte[] blob() {
        return fixed(size());
    }

    public String text() {
        int count = size();
        int start = place;
        skip(count);
        return new String(bytes, start, count, StandardCharsets.UTF_8);
    }
}
