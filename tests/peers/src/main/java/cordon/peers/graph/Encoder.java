package cordon.peers.graph;

import cordon.peers.payload.AvroWriter;

/** An element in the schema {@code element.v1}. */
final class Encoder {
    private Encoder() {}

    static void write(Element element, AvroWriter out) {
        out.half(element.home.key0).half(element.home.key1);
        out.number(element.firstSeenMs).number(element.lastSeenMs);
        if (element.kind == Kind.EDGE) {
            out.number(1).half(element.source.key0).half(element.source.key1);
            out.blob(element.label.bytes);
            out.half(element.target.key0).half(element.target.key1);
        } else {
            out.number(0).blob(element.kind.bytes).half(element.key0).half(element.key1);
        }
        properties(element.properties, out);
    }

    private static void properties(Property[] properties, AvroWriter out) {
        int count = 0;
        for (int slot = 0; properties != null && slot < properties.length; slot++) {
            count += properties[slot] == null ? 0 : 1;
        }
        if (count > 0) {
            out.number(count);
            for (Property property : properties) {
                if (property != null) {
                    property(property, out);
                }
            }
        }
        out.number(0);
    }

    private static void property(Property property, AvroWriter out) {
        out.blob(property.name.bytes).number(1 + property.more.length).text(property.value);
        for (String value : property.more) {
            out.text(value);
        }
        out.number(0).number(property.timeMs);
        // All that disagree, or nobody does.
        if (property.conflicts.length > 0) {
            out.number(property.conflicts.length);
            for (long conflict : property.conflicts) {
                out.number(conflict);
            }
        }
        out.number(0).flag(property.overflow);
    }
}
