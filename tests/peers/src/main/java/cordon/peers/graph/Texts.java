package cordon.peers.graph;

import java.nio.charset.StandardCharsets;

/** Order and length of texts in UTF-8. */
final class Texts {
    static final int VALUE_BYTES_MAX = 8192;

    private Texts() {}

    /** The order of the UTF-8 bytes: as that of chars, but surrogates come last. */
    static int compare(String a, String b) {
        int len = Math.min(a.length(), b.length());
        for (int i = 0; i < len; i++) {
            char left = a.charAt(i);
            char right = b.charAt(i);
            if (left != right) {
                boolean isLeftSurrogate = Character.isSurrogate(left);
                boolean isRightSurrogate = Character.isSurrogate(right);
                return isLeftSurrogate == isRightSurrogate ? left - right : isLeftSurrogate ? 1 : -1;
            }
        }
        return a.length() - b.length();
    }

    /** The longest head of a value that a property may hold, in whole characters. */
    static String clip(String value) {
        if (value.length() <= VALUE_BYTES_MAX / 3) {
            return value;
        }
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        if (bytes.length <= VALUE_BYTES_MAX) {
            return value;
        }
        int end = VALUE_BYTES_MAX;
        while ((bytes[end] & 0xC0) == 0x80) {
            end--;
        }
        return new String(bytes, 0, end, StandardCharsets.UTF_8);
    }
}
