package cordon.peers.graph;

/** GUIDs, with braces or without. */
final class Guid {
    private Guid() {}

    /** The 16 bytes in the order they are written; null for another text. */
    static byte[] parse(String text) {
        int start = 0;
        int end = text.length();
        if (end > 1 && text.charAt(0) == '{' && text.charAt(end - 1) == '}') {
            start = 1;
            end--;
        }
        if (end - start != 36) {
            return null;
        }
        byte[] guid = new byte[16];
        int nibbles = 0;
        for (int place = 0; place < 36; place++) {
            char letter = text.charAt(start + place);
            if (place == 8 || place == 13 || place == 18 || place == 23) {
                if (letter != '-') {
                    return null;
                }
                continue;
            }
            int nibble = letter > 'f' ? -1 : Character.digit(letter, 16);
            if (nibble < 0) {
                return null;
            }
            guid[nibbles / 2] = (byte) (guid[nibbles / 2] << 4 | nibble);
            nibbles++;
        }
        return guid;
    }

    static boolean isNull(byte[] guid) {
        for (byte part : guid) {
            if (part != 0) {
                return false;
            }
        }
        return true;
    }

    /** Lower case, without braces. Only for a text that {@link #parse} takes. */
    static String text(String raw) {
        return Form.lower(raw.length() == 38 ? raw.substring(1, 37) : raw);
    }
}
