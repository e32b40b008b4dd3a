package cordon.peers.graph;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.DigestException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 of keys and values: one digest and one buffer for each worker. */
final class Sha256 {
    private final MessageDigest digest;
    private final byte[] result = new byte[32];
    private final ByteBuffer longs = ByteBuffer.wrap(result);
    private byte[] message = new byte[512];
    private int len;

    Sha256() {
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Begins the key of a node. */
    Sha256 kind(Kind kind) {
        len = 0;
        return part(kind.bytes);
    }

    /** One more field of the key, behind its length. */
    Sha256 part(byte[] part) {
        room(part.length + 4);
        putInt(part.length);
        System.arraycopy(part, 0, message, len, part.length);
        len += part.length;
        return this;
    }

    Sha256 part(String part) {
        return part(part.getBytes(StandardCharsets.UTF_8));
    }

    /** The key of a node as a field of another. */
    Sha256 part(Element node) {
        room(20);
        putInt(16);
        putLong(node.key0);
        putLong(node.key1);
        return this;
    }

    /** Ends a key; {@link #first} and {@link #second} are its halves. */
    void finish() {
        digest.update(message, 0, len);
        digestInto();
    }

    long first() {
        return longs.getLong(0);
    }

    long second() {
        return longs.getLong(8);
    }

    /** The hash by which a value stands among conflicts. */
    long ofValue(String value) {
        digest.update(value.getBytes(StandardCharsets.UTF_8));
        digestInto();
        return first();
    }

    private void digestInto() {
        try {
            digest.digest(result, 0, result.length);
        } catch (DigestException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void putInt(int number) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            message[len++] = (byte) (number >> shift);
        }
    }

    private void putLong(long number) {
        putInt((int) (number >> 32));
        putInt((int) number);
    }

    private void room(int more) {
        if (len + more > message.length) {
            message = java.util.Arrays.copyOf(message, 2 * (len + more));
        }
    }
}
