package cordon.peers.graph;

import static cordon.peers.graph.Name.*;

import java.nio.charset.StandardCharsets;

/** Kinds of elements, and which properties each may have. */
enum Kind {
    DEVICE("device", HOSTNAME),
    PROCESS("process", CMD_LINE, CREATED_TIME, FILE_PATH, INTEGRITY, PID, TERMINATED_TIME, UID,
            USER_NAME, WORKING_DIRECTORY),
    FILE("file", COMPANY_NAME, CREATED_TIME, HASHES_IMPHASH, HASHES_MD5, HASHES_SHA1, HASHES_SHA256,
            PATH, SIGNATURE_STATE, SIGNATURE_SUBJECT, TYPE, VERSION),
    REGISTRY_KEY("registry_key", Name.DATA, PATH),
    USER("user", DOMAIN, NAME),
    NETWORK_ENDPOINT("network_endpoint", HOSTNAME, IP, PORT, PROTOCOL_NAME),
    DNS_QUERY("dns_query", ANSWERS, HOSTNAME),
    EDGE("", ACTIVITY, ACTUAL_PERMISSIONS, MODULE_FUNCTION_NAME, MODULE_PATH, STATUS_CODE);

    final byte[] bytes;
    /** How many properties it may have. */
    final int slots;
    /** The slot of each name, in the names' order. */
    private final byte[] slotOf = new byte[Name.values().length];

    Kind(String text, Name... names) {
        this.bytes = text.getBytes(StandardCharsets.US_ASCII);
        this.slots = names.length;
        for (int slot = 0; slot < names.length; slot++) {
            slotOf[names[slot].ordinal()] = (byte) slot;
            if (slot > 0 && names[slot].compareTo(names[slot - 1]) < 0) {
                throw new IllegalStateException(text + ": names are not in order");
            }
        }
    }

    int slotOf(Name name) {
        return slotOf[name.ordinal()];
    }
}
