package cordon.peers.event;

/** Decimal numbers in texts. */
public final class Numbers {
    private Numbers() {}

    /** A number of digits alone up to {@code max}, which is below 2^62; -1 for anything else. */
    public static long parse(String text, long max) {
        if (text.isEmpty()) {
            return -1;
        }
        long number = 0;
        for (int i = 0; i < text.length(); i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            number = Math.min(number * 10 + digit, max + 1);
        }
        return number > max ? -1 : number;
    }

    /** Whether a whole number of JSON's counts as its text: signed or unsigned in 64 bits, no -0. */
    static boolean fitsInto64Bits(String digits) {
        if (digits.length() <= 18) {
            return !digits.equals("-0");
        }
        try {
            if (digits.startsWith("-")) {
                Long.parseLong(digits);
            } else {
                Long.parseUnsignedLong(digits);
            }
            return true;
        } catch (NumberFormatException tooLarge) {
            return false;
        }
    }
}
