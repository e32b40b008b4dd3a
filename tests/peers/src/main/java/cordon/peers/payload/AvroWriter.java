package cordon.peers.payload;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Avro's binary encoding, into a buffer that grows. */
public final class AvroWriter {
    private byte[] bytes = new byte[1 << 12];
    private int len;

    public byte[] buffer() {
        return bytes;
    }

    public int len() {
        return len;
    }

    public byte[] toBytes() {
        return Arrays.copyOf(bytes, len);
    }

    public void clear() {
        len = 0;
    }

    /** Leaves out the first {@code count} bytes. */
    public void drop(int count) {
        System.arraycopy(bytes, count, bytes, 0, len - count);
        len -= count;
    }

    public AvroWriter number(long value) {
        room(10);
        long rest = value << 1 ^ value >> 63;
        while ((rest & ~0x7FL) != 0) {
            bytes[len++] = (byte) (rest & 0x7F | 0x80);
            rest >>>= 7;
        }
        bytes[len++] = (byte) rest;
        return this;
    }

    public AvroWriter flag(boolean value) {
        room(1);
        bytes[len++] = (byte) (value ? 1 : 0);
        return this;
    }

    /** Bytes without a length: what is fixed. */
    public AvroWriter fixed(byte[] value, int start, int count) {
        room(count);
        System.arraycopy(value, start, bytes, len, count);
        len += count;
        return this;
    }

    public AvroWriter fixed(byte[] value) {
        return fixed(value, 0, value.length);
    }

    /** Eight bytes, big-endian. */
    public AvroWriter half(long value) {
        room(8);
        for (int shift = 56; shift >= 0; shift -= 8) {
            bytes[len++] = (byte) (value >> shift);
        }
        return this;
    }

    /** Bytes behind their length. */
    public AvroWriter blob(byte[] value) {
        return number(value.length).fixed(value);
    }

    /** A text: letter by letter while it is ASCII, which most are. */
    public AvroWriter text(String value) {
        int count = value.length();
        int before = len;
        number(count);
        room(count);
        for (int i = 0; i < count; i++) {
            char letter = value.charAt(i);
            if (letter >= 0x80) {
                len = before;
                return blob(value.getBytes(StandardCharsets.UTF_8));
            }
            bytes[len + i] = (byte) letter;
        }
        len += count;
        return this;
    }

    private void room(int more) {
        if (len + more > bytes.length) {
            bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, len + more));
        }
    }
}
