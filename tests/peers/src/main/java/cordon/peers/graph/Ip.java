package cordon.peers.graph;

/** Addresses in their texts; nothing here asks a name server. */
final class Ip {
    private Ip() {}

    /** Four or sixteen bytes, without a zone, IPv4 inside IPv6 as IPv4; null for another text. */
    static byte[] parse(String raw) {
        int zone = raw.indexOf('%');
        String text = zone < 0 ? raw : raw.substring(0, zone);
        if (text.indexOf(':') < 0) {
            byte[] ip = new byte[4];
            return parseV4(text, 0, ip, 0) ? ip : null;
        }
        byte[] ip = parseV6(text);
        return ip != null && isMapped(ip) ? new byte[] {ip[12], ip[13], ip[14], ip[15]} : ip;
    }

    private static boolean parseV4(String text, int start, byte[] ip, int at) {
        int place = start;
        for (int part = 0; part < 4; part++) {
            if (part > 0 && (place >= text.length() || text.charAt(place++) != '.')) {
                return false;
            }
            int first = place;
            int number = 0;
            while (place < text.length() && place - first < 3 && isDigit(text.charAt(place))) {
                number = number * 10 + text.charAt(place++) - '0';
            }
            boolean hasLeadingZero = place - first > 1 && text.charAt(first) == '0';
            if (place == first || number > 255 || hasLeadingZero) {
                return false;
            }
            ip[at + part] = (byte) number;
        }
        return place == text.length();
    }

    private static boolean isDigit(char letter) {
        return letter >= '0' && letter <= '9';
    }

    private static byte[] parseV6(String text) {
        byte[] ip = new byte[16];
        int len = text.length();
        int at = 0;
        int gap = -1;
        int place = 0;
        if (text.startsWith("::")) {
            gap = 0;
            place = 2;
        }
        while (place < len) {
            int first = place;
            int group = 0;
            while (place < len && place - first < 4 && hex(text.charAt(place)) >= 0) {
                group = group << 4 | hex(text.charAt(place++));
            }
            if (place < len && text.charAt(place) == '.') {
                if (at > 12 || !parseV4(text, first, ip, at)) {
                    return null;
                }
                at += 4;
                break;
            }
            if (place == first || at > 14) {
                return null;
            }
            ip[at++] = (byte) (group >> 8);
            ip[at++] = (byte) group;
            if (place == len) {
                break;
            }
            if (text.charAt(place++) != ':' || place == len) {
                return null;
            }
            if (text.charAt(place) == ':') {
                if (gap >= 0) {
                    return null;
                }
                gap = at;
                place++;
            }
        }
        if (gap < 0) {
            return at == 16 ? ip : null;
        }
        if (at > 14) {
            return null;
        }
        byte[] wide = new byte[16];
        System.arraycopy(ip, 0, wide, 0, gap);
        System.arraycopy(ip, gap, wide, 16 - (at - gap), at - gap);
        return wide;
    }

    private static int hex(char letter) {
        return letter > 'f' ? -1 : Character.digit(letter, 16);
    }

    private static boolean isMapped(byte[] ip) {
        for (int i = 0; i < 10; i++) {
            if (ip[i] != 0) {
                return false;
            }
        }
        return ip[10] == -1 && ip[11] == -1;
    }

    /** Whether it means something else on every device: loopback, link-local, unspecified. */
    static boolean isLocal(byte[] ip) {
        if (ip.length == 4) {
            boolean isUnspecified = ip[0] == 0 && ip[1] == 0 && ip[2] == 0 && ip[3] == 0;
            return ip[0] == 127 || (ip[0] & 0xFF) == 169 && (ip[1] & 0xFF) == 254 || isUnspecified;
        }
        if ((ip[0] & 0xFF) == 0xFE && (ip[1] & 0xC0) == 0x80) {
            return true;
        }
        for (int i = 0; i < 15; i++) {
            if (ip[i] != 0) {
                return false;
            }
        }
        return ip[15] == 0 || ip[15] == 1;
    }

    /** RFC 5952. */
    static String text(byte[] ip) {
        if (ip.length == 4) {
            return (ip[0] & 0xFF) + "." + (ip[1] & 0xFF) + "." + (ip[2] & 0xFF) + "." + (ip[3] & 0xFF);
        }
        int gap = -1;
        int gapLen = 1;
        for (int group = 0; group < 8; group++) {
            int len = 0;
            while (group + len < 8 && group(ip, group + len) == 0) {
                len++;
            }
            if (len > gapLen) {
                gap = group;
                gapLen = len;
            }
        }
        StringBuilder text = new StringBuilder(39);
        for (int group = 0; group < 8; group++) {
            if (group == gap) {
                text.append("::");
                group += gapLen - 1;
                continue;
            }
            if (group > 0 && text.charAt(text.length() - 1) != ':') {
                text.append(':');
            }
            text.append(Integer.toHexString(group(ip, group)));
        }
        return text.toString();
    }

    private static int group(byte[] ip, int group) {
        return (ip[2 * group] & 0xFF) << 8 | ip[2 * group + 1] & 0xFF;
    }
}
