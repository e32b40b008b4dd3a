package cordon.peers.payload;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** SHA-256 of bytes. */
public final class Sha {
    private Sha() {}

    public static byte[] of(byte[] bytes, int start, int len) {
        MessageDigest digest = digest();
        digest.update(bytes, start, len);
        return digest.digest();
    }

    static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
