package cordon.peers.graph;

import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Labels of edges. */
enum Label {
    LAUNCHED, EXECUTED, RAN_AS, LOADED, CREATED_THREAD_IN, ACCESSED, CREATED, CREATED_STREAM, DELETED,
    ALTERED_KEY, SET_VALUE, RENAMED_KEY, RENAMED_TO, CREATED_PIPE, CONNECTED_PIPE, CONNECTED_TO,
    LISTENED_ON, ACCEPTED_FROM, LOCATED_AT, HAS_ADDRESS, QUERIED, RESOLVED_TO;

    final byte[] bytes = name().toLowerCase(Locale.ROOT).getBytes(StandardCharsets.US_ASCII);
}
