package cordon.peers.graph;

import java.util.function.BiConsumer;

/** The hashes of Sysmon's {@code SHA1=…,MD5=…}. Zeros mean that there was nothing to hash. */
final class HashList {
    private HashList() {}

    static void forEach(String text, BiConsumer<Name, String> take) {
        int start = 0;
        while (start <= text.length()) {
            int comma = text.indexOf(',', start);
            int end = comma < 0 ? text.length() : comma;
            int equals = text.indexOf('=', start);
            if (equals >= 0 && equals < end) {
                Name name = nameOf(text, start, equals - start);
                if (name != null && isHash(text, equals + 1, end)) {
                    take.accept(name, Form.lower(text.substring(equals + 1, end)));
                }
            }
            start = end + 1;
        }
    }

    private static Name nameOf(String text, int start, int len) {
        return switch (len) {
            case 3 -> text.startsWith("MD5", start) ? Name.HASHES_MD5 : null;
            case 4 -> text.startsWith("SHA1", start) ? Name.HASHES_SHA1 : null;
            case 6 -> text.startsWith("SHA256", start) ? Name.HASHES_SHA256 : null;
            case 7 -> text.startsWith("IMPHASH", start) ? Name.HASHES_IMPHASH : null;
            default -> null;
        };
    }

    /** Hex digits that are not all zero. */
    private static boolean isHash(String text, int start, int end) {
        boolean isZero = true;
        for (int i = start; i < end; i++) {
            char digit = text.charAt(i);
            if (digit > 'f' || Character.digit(digit, 16) < 0) {
                return false;
            }
            isZero &= digit == '0';
        }
        return !isZero;
    }
}
