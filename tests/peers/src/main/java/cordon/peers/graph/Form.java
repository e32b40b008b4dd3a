package cordon.peers.graph;

import cordon.peers.event.Numbers;
import cordon.peers.event.Times;

/** From the text of a field to the value of a property; null where the text says nothing. */
enum Form {
    /** As it is. */
    TEXT,
    /** A–Z in lower case. */
    LOWER,
    /** A host or DNS name. */
    NAME,
    PATH,
    PIPE_PATH,
    GUID,
    /** A process id. */
    PID,
    PORT,
    IP,
    /** Milliseconds since the epoch. */
    TIME_MS,
    ACCOUNT_DOMAIN,
    ACCOUNT_NAME;

    String of(String raw) {
        return switch (this) {
            case TEXT -> raw;
            case LOWER -> lower(raw);
            case NAME -> name(raw);
            case PATH -> path(raw);
            case PIPE_PATH -> pipePath(raw);
            case GUID -> Guid.text(raw);
            case PID -> number(raw, 0xFFFF_FFFFL);
            case PORT -> number(raw, 0xFFFF);
            case IP -> Ip.text(Ip.parse(raw));
            case TIME_MS -> {
                long ms = Times.parseMs(raw);
                yield ms == Times.NONE ? null : Long.toString(ms);
            }
            case ACCOUNT_DOMAIN -> lower(raw.substring(0, Math.max(raw.indexOf('\\'), 0)));
            case ACCOUNT_NAME -> lower(raw.substring(raw.indexOf('\\') + 1));
        };
    }

    static String lower(String text) {
        int first = 0;
        int len = text.length();
        while (first < len && !isUpper(text.charAt(first))) {
            first++;
        }
        if (first == len) {
            return text;
        }
        char[] lowered = text.toCharArray();
        for (int i = first; i < len; i++) {
            if (isUpper(lowered[i])) {
                lowered[i] += 'a' - 'A';
            }
        }
        return new String(lowered);
    }

    private static boolean isUpper(char letter) {
        return letter >= 'A' && letter <= 'Z';
    }

    static String name(String text) {
        return lower(text.endsWith(".") ? text.substring(0, text.length() - 1) : text);
    }

    static String path(String text) {
        String path = text.startsWith("\\\\?\\") || text.startsWith("\\??\\") ? text.substring(4) : text;
        return path.isEmpty() || path.charAt(0) == '<' ? null : lower(path);
    }

    static String pipePath(String text) {
        if (text.startsWith("<") || text.startsWith("&lt;")) {
            return null;
        }
        return "\\\\.\\pipe\\" + lower(text.startsWith("\\") ? text.substring(1) : text);
    }

    private static String number(String text, long max) {
        long number = Numbers.parse(text, max);
        return number < 0 ? null : Long.toString(number);
    }
}
