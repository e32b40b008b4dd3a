package cordon.peers.graph;

import java.util.Arrays;

/** One property, and the one place where two values of it become one. */
final class Property {
    private static final int SET_VALUES_MAX = 16;
    private static final int CONFLICTS_MAX = 8;

    final Name name;
    /** Of a set the smallest; the others follow in {@link #more}. */
    String value;
    /** A set's values behind the first, in their order. */
    String[] more = NONE;
    long timeMs;
    /** Hashes of all values that an immutable property was seen with, once there are two. */
    long[] conflicts = NO_CONFLICTS;
    boolean overflow;
    /** The text that was last merged into this property: the same text again changes no value. */
    String raw;

    private static final String[] NONE = {};
    static final long[] NO_CONFLICTS = {};

    Property(Name name, String value, long timeMs) {
        this.name = name;
        this.value = value;
        this.timeMs = name.hasTime ? timeMs : 0;
    }

    /** Merges the text of which the last value was made; false if it may not be taken for it. */
    boolean mergeSame(String text, long seenMs) {
        if (!text.equals(raw)) {
            return false;
        }
        if (name.law == Law.IMMUTABLE) {
            timeMs = Math.min(timeMs, seenMs);
        } else if (name.law == Law.LATEST) {
            timeMs = Math.max(timeMs, seenMs);
        }
        return true;
    }

    /** Merges a value; remembers the text that gave it, if that is what the property now holds. */
    void merge(String text, String other, long seenMs, Sha256 hash) {
        switch (name.law) {
            case IMMUTABLE -> {
                boolean isSame = other.equals(value);
                if (!isSame) {
                    claim(other, hash);
                }
                if (seenMs < timeMs || seenMs == timeMs && Texts.compare(other, value) < 0) {
                    timeMs = seenMs;
                    value = other;
                    raw = text;
                } else if (isSame) {
                    raw = text;
                }
            }
            case LATEST -> {
                if (seenMs > timeMs || seenMs == timeMs && Texts.compare(other, value) > 0) {
                    timeMs = seenMs;
                    value = other;
                    raw = text;
                } else if (other.equals(value)) {
                    raw = text;
                }
            }
            case MIN -> {
                value = Long.parseLong(other) < Long.parseLong(value) ? other : value;
                raw = text;
            }
            case MAX -> {
                value = Long.parseLong(other) > Long.parseLong(value) ? other : value;
                raw = text;
            }
            case SET -> {
                insert(other);
                raw = text;
            }
        }
    }

    /** Somebody says otherwise. */
    private void claim(String other, Sha256 hash) {
        if (conflicts.length == 0) {
            conflicts = new long[] {hash.ofValue(value)};
        }
        long claim = hash.ofValue(other);
        int place = Arrays.binarySearch(conflicts, claim);
        if (place >= 0) {
            return;
        }
        long[] all = Arrays.copyOf(conflicts, conflicts.length + 1);
        int at = -place - 1;
        System.arraycopy(conflicts, at, all, at + 1, conflicts.length - at);
        all[at] = claim;
        conflicts = all.length > CONFLICTS_MAX ? Arrays.copyOf(all, CONFLICTS_MAX) : all;
    }

    private void insert(String other) {
        int order = Texts.compare(other, value);
        if (order == 0) {
            return;
        }
        int at = 0;
        String moved = other;
        if (order < 0) {
            moved = value;
            value = other;
        } else {
            while (at < more.length && (order = Texts.compare(other, more[at])) > 0) {
                at++;
            }
            if (at < more.length && order == 0) {
                return;
            }
        }
        if (at == SET_VALUES_MAX - 1) {
            overflow = true;
            return;
        }
        overflow |= more.length == SET_VALUES_MAX - 1;
        int kept = Math.min(more.length, SET_VALUES_MAX - 2);
        String[] all = Arrays.copyOf(more, Math.min(more.length + 1, SET_VALUES_MAX - 1));
        System.arraycopy(more, at, all, at + 1, kept - at);
        all[at] = moved;
        more = all;
    }
}
