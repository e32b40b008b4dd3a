package cordon.peers.event;

/** Sysmon's UtcTime. */
public final class Times {
    /** What no text means. */
    public static final long NONE = Long.MIN_VALUE;

    private Times() {}

    /** Milliseconds since the epoch of {@code 2020-09-21 19:35:27.123}, or {@link #NONE}. */
    public static long parseMs(String text) {
        int len = text.length();
        if (len < 19 || text.charAt(4) != '-' || text.charAt(7) != '-' || text.charAt(13) != ':'
                || text.charAt(16) != ':' || text.charAt(10) != ' ' && text.charAt(10) != 'T') {
            return NONE;
        }
        long year = digits(text, 0, 4);
        long month = digits(text, 5, 7);
        long day = digits(text, 8, 10);
        long hour = digits(text, 11, 13);
        long minute = digits(text, 14, 16);
        long second = digits(text, 17, 19);
        long fraction = fractionMs(text, text.charAt(len - 1) == 'Z' ? len - 1 : len);
        if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)
                || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59
                || fraction < 0) {
            return NONE;
        }
        long seconds = ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        return seconds * 1000 + fraction;
    }

    /** {@code .} and one to nine digits, or nothing; digits behind milliseconds are cut off. */
    private static long fractionMs(String text, int end) {
        if (end <= 19) {
            return end == 19 ? 0 : -1;
        }
        int len = end - 20;
        if (text.charAt(19) != '.' || len < 1 || len > 9) {
            return -1;
        }
        long number = digits(text, 20, end);
        for (; len < 3; len++) {
            number *= 10;
        }
        for (; len > 3; len--) {
            number = number < 0 ? number : number / 10;
        }
        return number;
    }

    private static long digits(String text, int start, int end) {
        long number = 0;
        for (int i = start; i < end; i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            number = number * 10 + digit;
        }
        return number;
    }

    private static int daysInMonth(long year, long month) {
        boolean isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        return switch ((int) month) {
            case 2 -> isLeap ? 29 : 28;
            case 4, 6, 9, 11 -> 30;
            default -> 31;
        };
    }

    /** Counts years from March, so that the leap day is the last of its year. */
    private static long daysSinceEpoch(long year, long month, long day) {
        long yearFromMarch = month <= 2 ? year - 1 : year;
        long monthFromMarch = (month + 9) % 12;
        long leapDays = Math.floorDiv(yearFromMarch, 4L) - Math.floorDiv(yearFromMarch, 100L)
                + Math.floorDiv(yearFromMarch, 400L);
        return 365 * yearFromMarch + leapDays + (153 * monthFromMarch + 2) / 5 + day - 1 - 719_468;
    }
}
