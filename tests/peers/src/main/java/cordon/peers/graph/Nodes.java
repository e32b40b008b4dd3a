package cordon.peers.graph;

import cordon.peers.event.Dead;
import cordon.peers.event.Event;
import cordon.peers.event.Field;
import cordon.peers.event.Numbers;
import java.util.Map;
import java.util.Set;

/** Finds a graph's nodes by the texts that name them, and makes the keys of new ones. */
final class Nodes {
    private static final byte[] NOTHING = {};
    private static final Set<String> LOCAL_DOMAINS = Set.of("", "builtin", "font driver host",
            "iis apppool", "nt authority", "nt service", "nt virtual machine", "window manager");

    private final Graph graph;
    private final Sha256 hash;

    Nodes(Graph graph, Sha256 hash) {
        this.graph = graph;
        this.hash = hash;
    }

    Graph.Device device(String computer) {
        return graph.device(computer);
    }

    /** The process in a role; null for a null GUID. */
    Element process(Graph.Device device, Field field, Event event) throws Dead {
        String text = event.required(field);
        Element known = device.processes.get(text);
        if (known != null) {
            return known;
        }
        byte[] guid = Guid.parse(text);
        if (guid == null) {
            throw new Dead(field + " is not a GUID");
        }
        if (Guid.isNull(guid)) {
            return null;
        }
        hash.kind(Kind.PROCESS).part(device.node).part(guid).finish();
        return remember(device.processes, text, graph.nodeOf(Kind.PROCESS, device.node));
    }

    /** The field with the GUID of the process whose id stands in another field. */
    Field guidField(Field pid) {
        return switch (pid) {
            case ParentProcessId -> Field.ParentProcessGuid;
            case SourceProcessId -> Field.SourceProcessGuid;
            case TargetProcessId -> Field.TargetProcessGuid;
            default -> Field.ProcessGuid;
        };
    }

    Element requiredFile(Graph.Device device, Field field, Event event) throws Dead {
        Element file = file(device, event.required(field));
        if (file == null) {
            throw new Dead(field + " is not a path");
        }
        return file;
    }

    /** A file by its path; null where the text is none. */
    Element file(Graph.Device device, String text) {
        return text == null ? null : file(device, device.files, Form.PATH, text);
    }

    /** A named pipe; null for an anonymous one. */
    Element pipe(Graph.Device device, String text) {
        return file(device, device.pipes, Form.PIPE_PATH, text);
    }

    private Element file(Graph.Device device, Map<String, Element> named, Form form, String text) {
        Element known = named.get(text);
        if (known != null) {
            return known;
        }
        String path = form.of(text);
        return path == null ? null : remember(named, text, ofDevice(device, Kind.FILE, path));
    }

    Element registryKey(Graph.Device device, String text) {
        Element known = device.registryKeys.get(text);
        return known != null ? known : remember(device.registryKeys, text,
                ofDevice(device, Kind.REGISTRY_KEY, Form.lower(text)));
    }

    Element user(Graph.Device device, String text) {
        Element known = device.users.get(text);
        if (known != null) {
            return known;
        }
        String domain = Form.ACCOUNT_DOMAIN.of(text);
        String name = Form.ACCOUNT_NAME.of(text);
        int dot = device.host.indexOf('.');
        String shortHost = dot < 0 ? device.host : device.host.substring(0, dot);
        boolean isLocal = LOCAL_DOMAINS.contains(domain) || domain.equals(shortHost);
        scoped(Kind.USER, device, isLocal).part(domain).part(name).finish();
        return remember(device.users, text, graph.nodeOf(Kind.USER, isLocal ? device.node : null));
    }

    Element address(Graph.Device device, String text) throws Dead {
        Element address = addressOrNull(device, text);
        if (address == null) {
            throw new Dead("this is not an address: " + text);
        }
        return address;
    }

    Element addressOrNull(Graph.Device device, String text) {
        Element known = device.addresses.get(text);
        if (known != null) {
            return known;
        }
        byte[] ip = Ip.parse(text);
        if (ip == null) {
            return null;
        }
        boolean isLocal = Ip.isLocal(ip);
        scoped(Kind.NETWORK_ENDPOINT, device, isLocal).part(ip).finish();
        Element node = graph.nodeOf(Kind.NETWORK_ENDPOINT, isLocal ? device.node : null);
        return remember(device.addresses, text, node);
    }

    /** A port of an address that {@link #address} took. */
    Element service(Graph.Device device, String ipText, String portText, String protocol) throws Dead {
        String text = ipText + ' ' + portText + ' ' + protocol;
        Element known = device.services.get(text);
        if (known != null) {
            return known;
        }
        long port = Numbers.parse(portText, 0xFFFF);
        if (port < 0) {
            throw new Dead("DestinationPort is not a port");
        }
        byte[] ip = Ip.parse(ipText);
        boolean isLocal = Ip.isLocal(ip);
        byte[] portBytes = {(byte) (port >> 8), (byte) port};
        scoped(Kind.NETWORK_ENDPOINT, device, isLocal).part(ip).part(portBytes).part(protocol).finish();
        Element node = graph.nodeOf(Kind.NETWORK_ENDPOINT, isLocal ? device.node : null);
        return remember(device.services, text, node);
    }

    Element dnsQuery(String text) {
        Element known = graph.worldNodes().get(text);
        if (known != null) {
            return known;
        }
        hash.kind(Kind.DNS_QUERY).part(NOTHING).part(Form.name(text)).finish();
        return remember(graph.worldNodes(), text, graph.nodeOf(Kind.DNS_QUERY, null));
    }

    private Element ofDevice(Graph.Device device, Kind kind, String field) {
        hash.kind(kind).part(device.node).part(field).finish();
        return graph.nodeOf(kind, device.node);
    }

    private Sha256 scoped(Kind kind, Graph.Device device, boolean isLocal) {
        hash.kind(kind);
        return isLocal ? hash.part(device.node) : hash.part(NOTHING);
    }

    private static Element remember(Map<String, Element> nodes, String text, Element node) {
        nodes.put(text, node);
        return node;
    }
}
