package cordon.peers.graph;

/** A node or an edge of one batch's graph. It belongs to the graph once it was seen. */
final class Element {
    final Kind kind;
    /** Halves of a node's key. */
    final long key0;
    final long key1;
    /** Its place among the graph's nodes, by which edges are found. */
    final int number;
    /** Of an edge. */
    final Element source;
    final Label label;
    final Element target;
    /** Decides the partition: the device's node, else the node itself; of an edge its source's. */
    final Element home;

    long firstSeenMs = Long.MAX_VALUE;
    long lastSeenMs = Long.MIN_VALUE;
    /** By the slots of the kind; null until there is one. */
    Property[] properties;
    /** The list of hashes or answers that was last merged: the same again changes nothing. */
    String list;

    private Element(Kind kind, long key0, long key1, int number, Element source, Label label,
            Element target, Element home) {
        this.kind = kind;
        this.key0 = key0;
        this.key1 = key1;
        this.number = number;
        this.source = source;
        this.label = label;
        this.target = target;
        this.home = home == null ? this : home;
    }

    /** A node; without a home it is its own. */
    static Element node(Kind kind, long key0, long key1, int number, Element home) {
        return new Element(kind, key0, key1, number, null, null, null, home);
    }

    static Element edge(Element source, Label label, Element target) {
        return new Element(Kind.EDGE, 0, 0, 0, source, label, target, source.home);
    }

    boolean wasSeen() {
        return firstSeenMs != Long.MAX_VALUE || lastSeenMs != Long.MIN_VALUE;
    }

    /** Merges the text of a field, if it says anything. */
    void put(Name name, Form form, String text, long seenMs, Sha256 hash) {
        if (text == null) {
            return;
        }
        Property known = properties == null ? null : properties[kind.slotOf(name)];
        if (known != null && known.mergeSame(text, seenMs)) {
            return;
        }
        String value = form.of(text);
        if (value != null) {
            add(name, text, value, seenMs, hash);
        }
    }

    /** Merges a value that was made of a text; null where no text alone gives the property. */
    void add(Name name, String text, String value, long seenMs, Sha256 hash) {
        if (properties == null) {
            properties = new Property[kind.slots];
        }
        int slot = kind.slotOf(name);
        String clipped = Texts.clip(value);
        Property known = properties[slot];
        if (known == null) {
            known = new Property(name, clipped, seenMs);
            known.raw = text;
            properties[slot] = known;
        } else {
            known.merge(text, clipped, seenMs, hash);
        }
    }
}
