package cordon.peers.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The graph of one batch, and everything by which its elements are found again: nodes by the very
 * texts that named them, so that neither canonical forms nor keys are made twice, and by their
 * keys, because several texts may name one node.
 */
final class Graph {
    /** In the order of their making; those that were never seen do not count. */
    final List<Element> elements = new ArrayList<>(1 << 14);
    /** Devices by the host's name as the log has it. */
    private final Map<String, Device> devices = new HashMap<>();
    private final Map<String, Element> worldNodes = new HashMap<>();
    private final Sha256 hash;
    private Element[] nodes = new Element[1 << 13];
    private Element[] edges = new Element[1 << 13];
    private int nodeCount;
    private int edgeCount;

    Graph(Sha256 hash) {
        this.hash = hash;
    }

    /** A device, and the nodes that are its own by the texts that named them. */
    static final class Device {
        final Element node;
        /** Its canonical name. */
        final String host;
        final Map<String, Element> processes = new HashMap<>();
        final Map<String, Element> files = new HashMap<>();
        final Map<String, Element> pipes = new HashMap<>();
        final Map<String, Element> registryKeys = new HashMap<>();
        final Map<String, Element> users = new HashMap<>();
        final Map<String, Element> addresses = new HashMap<>();
        final Map<String, Element> services = new HashMap<>();

        Device(Element node, String host) {
            this.node = node;
            this.host = host;
        }
    }

    Device device(String computer) {
        Device known = devices.get(computer);
        if (known == null) {
            String host = Form.name(computer);
            hash.kind(Kind.DEVICE).part(host).finish();
            known = new Device(nodeOf(Kind.DEVICE, null), host);
            devices.put(computer, known);
        }
        return known;
    }

    /** Nodes that are the same on all devices, by the texts that named them. */
    Map<String, Element> worldNodes() {
        return worldNodes;
    }

    /** The node whose key was just hashed. */
    Element nodeOf(Kind kind, Element home) {
        long key0 = hash.first();
        long key1 = hash.second();
        int mask = nodes.length - 1;
        int place = (int) (key0 ^ key1) & mask;
        for (Element known; (known = nodes[place]) != null; place = place + 1 & mask) {
            if (known.key0 == key0 && known.key1 == key1 && known.kind == kind) {
                return known;
            }
        }
        Element made = Element.node(kind, key0, key1, nodeCount++, home);
        elements.add(made);
        nodes[place] = made;
        if (2 * nodeCount > nodes.length) {
            nodes = grown(nodes);
        }
        return made;
    }

    Element edge(Element source, Label label, Element target) {
        int mask = edges.length - 1;
        int place = hashOfEdge(source, label, target) & mask;
        for (Element known; (known = edges[place]) != null; place = place + 1 & mask) {
            if (known.source == source && known.target == target && known.label == label) {
                return known;
            }
        }
        Element made = Element.edge(source, label, target);
        elements.add(made);
        edges[place] = made;
        edgeCount++;
        if (2 * edgeCount > edges.length) {
            edges = grown(edges);
        }
        return made;
    }

    private static int hashOfEdge(Element source, Label label, Element target) {
        long ends = (long) source.number << 32 ^ (long) target.number << 5 ^ label.ordinal();
        long mixed = ends * 0x9E37_79B9_7F4A_7C15L;
        return (int) (mixed >>> 32);
    }

    private static Element[] grown(Element[] table) {
        Element[] larger = new Element[2 * table.length];
        int mask = larger.length - 1;
        for (Element element : table) {
            if (element != null) {
                int place = (element.kind == Kind.EDGE
                        ? hashOfEdge(element.source, element.label, element.target)
                        : (int) (element.key0 ^ element.key1)) & mask;
                while (larger[place] != null) {
                    place = place + 1 & mask;
                }
                larger[place] = element;
            }
        }
        return larger;
    }
}
