package cordon.peers.graph;

import static cordon.peers.event.Field.*;

import cordon.peers.event.Dead;
import cordon.peers.event.Event;
import cordon.peers.event.Field;
import cordon.peers.event.Times;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What each event shows: {@code stages/generate/events.md}, merged straight into the graph of the
 * batch. Nodes are looked up before anything is merged, so that a dead event leaves no trace.
 */
final class Mapper {
    private static final int ANSWERS_MAX = 64;
    private static final Set<String> SEVERITIES = Set.of(
            "AUDIT_FAILURE", "AUDIT_SUCCESS", "CRITICAL", "ERROR", "INFO", "VERBOSE", "WARNING");

    private final Sha256 hash = new Sha256();
    private Graph graph = new Graph(hash);
    private Nodes nodes = new Nodes(graph, hash);
    private Event event;
    private Graph.Device device;
    private String time;
    private long timeMs;
    private long elementsIn;

    /** The graph so far; the next event begins another. */
    Graph takeGraph() {
        Graph full = graph;
        graph = new Graph(hash);
        nodes = new Nodes(graph, hash);
        return full;
    }

    /** Elements that events showed, before equal ones became one. */
    long elementsIn() {
        return elementsIn;
    }

    /** Merges what an event shows; false where there is no mapping for it. */
    boolean map(Event mapped) throws Dead {
        event = mapped;
        if (!event.isSysmon()) {
            return false;
        }
        int id = event.id();
        if (!isMapped(id)) {
            return false;
        }
        if (event.isDataUnreadable()) {
            throw new Dead("EventData is text, but not a JSON object");
        }
        String computer = event.required(Computer);
        time = event.required(UtcTime);
        timeMs = Times.parseMs(time);
        if (timeMs == Times.NONE) {
            throw new Dead("UtcTime is not a time");
        }
        device = nodes.device(computer);
        switch (id) {
            case 1 -> processCreated();
            case 3 -> connected();
            case 5 -> processTerminated();
            case 7 -> imageLoaded();
            case 8 -> threadCreated();
            case 10 -> processAccessed();
            case 11 -> fileTouched(Label.CREATED, true, false);
            case 12 -> registry(Label.ALTERED_KEY);
            case 13 -> registry(Label.SET_VALUE);
            case 14 -> registryRenamed();
            case 15 -> fileTouched(Label.CREATED_STREAM, true, true);
            case 17 -> pipe(Label.CREATED_PIPE);
            case 18 -> pipe(Label.CONNECTED_PIPE);
            case 22 -> dnsQueried();
            default -> fileTouched(Label.DELETED, false, true);
        }
        return true;
    }

    private static boolean isMapped(int id) {
        return switch (id) {
            case 1, 3, 5, 7, 8, 10, 11, 12, 13, 14, 15, 17, 18, 22, 23, 26 -> true;
            default -> false;
        };
    }

    private void processCreated() throws Dead {
        Element process = nodes.process(device, ProcessGuid, event);
        boolean hasParent = event.get(ParentProcessGuid) != null;
        Element parent = hasParent ? nodes.process(device, ParentProcessGuid, event) : null;
        seeDevice();
        Element actor = device.node;
        if (process != null) {
            actor = seeProcess(process, ProcessId, Image, User);
            put(process, Name.CMD_LINE, Form.TEXT, CommandLine);
            process.put(Name.CREATED_TIME, Form.TIME_MS, time, timeMs, hash);
            put(process, Name.INTEGRITY, Form.LOWER, IntegrityLevel);
            put(process, Name.WORKING_DIRECTORY, Form.PATH, CurrentDirectory);
        }
        if (parent != null) {
            seeProcess(parent, ParentProcessId, ParentImage, ParentUser);
            put(parent, Name.CMD_LINE, Form.TEXT, ParentCommandLine);
            if (process != null) {
                edge(parent, Label.LAUNCHED, process);
            }
        }
        Element file = nodes.file(device, event.get(Image));
        if (file != null) {
            seeFile(file, Image);
            image(file);
            edge(actor, Label.EXECUTED, file);
        }
        String user = event.get(User);
        if (user != null) {
            Element account = nodes.user(device, user);
            see(account);
            account.put(Name.DOMAIN, Form.ACCOUNT_DOMAIN, user, timeMs, hash);
            account.put(Name.NAME, Form.ACCOUNT_NAME, user, timeMs, hash);
            edge(actor, Label.RAN_AS, account);
        }
    }

    private void processTerminated() throws Dead {
        Element process = nodes.process(device, ProcessGuid, event);
        seeDevice();
        if (process != null) {
            seeProcess(process, ProcessId, Image, User);
            process.put(Name.TERMINATED_TIME, Form.TIME_MS, time, timeMs, hash);
        }
    }

    /** A process called a service, or somebody called the process. */
    private void connected() throws Dead {
        String sourceIp = event.required(SourceIp);
        String targetIp = event.required(DestinationIp);
        String port = event.required(DestinationPort);
        String protocol = Form.lower(event.required(Protocol));
        String initiated = Form.lower(event.required(Initiated));
        boolean isOutbound = initiated.equals("true");
        if (!isOutbound && !initiated.equals("false")) {
            throw new Dead("Initiated is not true or false");
        }
        Element source = nodes.address(device, sourceIp);
        Element target = nodes.address(device, targetIp);
        Element service = nodes.service(device, targetIp, port, protocol);
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        seeAddress(source, sourceIp, SourceHostname);
        seeAddress(target, targetIp, DestinationHostname);
        see(service);
        service.put(Name.IP, Form.IP, targetIp, timeMs, hash);
        service.put(Name.PORT, Form.PORT, port, timeMs, hash);
        service.put(Name.PROTOCOL_NAME, Form.TEXT, protocol, timeMs, hash);
        edge(service, Label.LOCATED_AT, target);
        if (isOutbound) {
            edge(device.node, Label.HAS_ADDRESS, source);
            edge(actor, Label.CONNECTED_TO, service);
        } else {
            edge(device.node, Label.HAS_ADDRESS, target);
            edge(actor, Label.LISTENED_ON, service);
            edge(actor, Label.ACCEPTED_FROM, source);
        }
    }

    private void imageLoaded() throws Dead {
        Element file = nodes.requiredFile(device, ImageLoaded, event);
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        seeFile(file, ImageLoaded);
        image(file);
        put(file, Name.SIGNATURE_STATE, Form.TEXT, SignatureStatus);
        put(file, Name.SIGNATURE_SUBJECT, Form.TEXT, Signature);
        edge(actor, Label.LOADED, file);
    }

    private void threadCreated() throws Dead {
        Element edge = reach(Label.CREATED_THREAD_IN);
        if (edge != null) {
            put(edge, Name.MODULE_PATH, Form.PATH, StartModule);
            put(edge, Name.MODULE_FUNCTION_NAME, Form.TEXT, StartFunction);
        }
    }

    private void processAccessed() throws Dead {
        Element edge = reach(Label.ACCESSED);
        if (edge != null) {
            put(edge, Name.ACTUAL_PERMISSIONS, Form.LOWER, GrantedAccess);
        }
    }

    /** One process reached into another, or into itself. */
    private Element reach(Label label) throws Dead {
        Element source = nodes.process(device, SourceProcessGuid, event);
        Element target = nodes.process(device, TargetProcessGuid, event);
        Element from = actorOrDevice(source, SourceProcessId, SourceImage, SourceUser);
        if (target == null) {
            return null;
        }
        seeProcess(target, TargetProcessId, TargetImage, TargetUser);
        return edge(from, label, target);
    }

    private void fileTouched(Label label, boolean hasTime, boolean hasHashes) throws Dead {
        Element file = nodes.requiredFile(device, TargetFilename, event);
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        seeFile(file, TargetFilename);
        if (hasHashes) {
            hashes(file);
        }
        if (hasTime) {
            put(file, Name.CREATED_TIME, Form.TIME_MS, CreationUtcTime);
        }
        edge(actor, label, file);
    }

    private void registry(Label label) throws Dead {
        Element key = nodes.registryKey(device, event.required(TargetObject));
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        seeRegistryKey(key, TargetObject);
        put(key, Name.DATA, Form.TEXT, Details);
        activity(edge(actor, label, key));
    }

    private void registryRenamed() throws Dead {
        Element old = nodes.registryKey(device, event.required(TargetObject));
        Element renamed = nodes.registryKey(device, event.required(NewName));
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        seeRegistryKey(old, TargetObject);
        seeRegistryKey(renamed, NewName);
        activity(edge(actor, Label.RENAMED_KEY, old));
        edge(old, Label.RENAMED_TO, renamed);
    }

    /** Sysmon's word for what was done. NXLog overwrites the field with a severity of its own. */
    private void activity(Element edge) {
        String activity = event.get(EventType);
        if (activity != null && !SEVERITIES.contains(activity)) {
            edge.put(Name.ACTIVITY, Form.TEXT, activity, timeMs, hash);
        }
    }

    private void pipe(Label label) throws Dead {
        String name = event.required(PipeName);
        Element pipe = nodes.pipe(device, name);
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        if (pipe != null) {
            see(pipe);
            pipe.put(Name.PATH, Form.PIPE_PATH, name, timeMs, hash);
            pipe.put(Name.TYPE, Form.TEXT, "Named Pipe", timeMs, hash);
            edge(actor, label, pipe);
        }
    }

    private void dnsQueried() throws Dead {
        String asked = event.required(QueryName);
        Element actor = actorOrDevice(nodes.process(device, ProcessGuid, event), ProcessId, Image, User);
        Element query = nodes.dnsQuery(asked);
        see(query);
        query.put(Name.HOSTNAME, Form.NAME, asked, timeMs, hash);
        Element queried = edge(actor, Label.QUERIED, query);
        put(queried, Name.STATUS_CODE, Form.TEXT, QueryStatus);
        String results = event.get(QueryResults);
        if (results != null) {
            answers(query, results);
        }
    }

    private void answers(Element query, String results) {
        List<String> found = new ArrayList<>();
        for (String part : results.split(";")) {
            String answer = trim(part);
            if (!answer.isEmpty() && !answer.equals("-") && found.size() < ANSWERS_MAX) {
                if (Ip.parse(answer) != null) {
                    found.add(answer);
                    continue;
                }
                String name = withoutType(answer);
                if (!name.isEmpty()) {
                    found.add(answer);
                    query.add(Name.ANSWERS, null, Form.name(name), timeMs, hash);
                }
            }
        }
        for (String answer : found) {
            Element address = Ip.parse(answer) == null ? null : nodes.addressOrNull(device, answer);
            if (address != null) {
                seeAddress(address, answer, null);
                edge(query, Label.RESOLVED_TO, address);
            }
        }
    }

    private static String trim(String text) {
        int start = 0;
        int end = text.length();
        while (start < end && text.charAt(start) == ' ') {
            start++;
        }
        while (end > start && text.charAt(end - 1) == ' ') {
            end--;
        }
        return text.substring(start, end);
    }

    /** {@code type:  5 example.org} without all but the name. */
    private static String withoutType(String answer) {
        if (!answer.startsWith("type:")) {
            return answer;
        }
        int place = skip(answer, 5, ' ', ' ');
        place = skip(answer, place, '0', '9');
        return answer.substring(skip(answer, place, ' ', ' '));
    }

    private static int skip(String text, int from, char first, char last) {
        int place = from;
        while (place < text.length() && text.charAt(place) >= first && text.charAt(place) <= last) {
            place++;
        }
        return place;
    }

    /** What Sysmon says of an executable or a module. */
    private void image(Element file) {
        hashes(file);
        put(file, Name.COMPANY_NAME, Form.TEXT, Company);
        put(file, Name.VERSION, Form.TEXT, FileVersion);
    }

    private void hashes(Element file) {
        String list = event.get(Hashes);
        if (list != null && !list.equals(file.list)) {
            file.list = list;
            HashList.forEach(list, (name, digits) -> file.add(name, null, digits, timeMs, hash));
        }
    }

    /** The device is part of every event; the process only if it is known. */
    private Element actorOrDevice(Element process, Field pid, Field image, Field user) {
        seeDevice();
        return process == null ? device.node : seeProcess(process, pid, image, user);
    }

    private void seeDevice() {
        see(device.node);
        put(device.node, Name.HOSTNAME, Form.NAME, Computer);
    }

    private Element seeProcess(Element process, Field pid, Field image, Field user) {
        see(process);
        put(process, Name.FILE_PATH, Form.PATH, image);
        put(process, Name.PID, Form.PID, pid);
        put(process, Name.UID, Form.GUID, nodes.guidField(pid));
        put(process, Name.USER_NAME, Form.LOWER, user);
        return process;
    }

    private void seeFile(Element file, Field path) {
        see(file);
        put(file, Name.PATH, Form.PATH, path);
    }

    private void seeRegistryKey(Element key, Field path) {
        see(key);
        put(key, Name.PATH, Form.LOWER, path);
    }

    private void seeAddress(Element address, String ip, Field hostname) {
        see(address);
        address.put(Name.IP, Form.IP, ip, timeMs, hash);
        if (hostname != null) {
            put(address, Name.HOSTNAME, Form.NAME, hostname);
        }
    }

    private Element edge(Element source, Label label, Element target) {
        Element edge = graph.edge(source, label, target);
        see(edge);
        return edge;
    }

    private void see(Element element) {
        elementsIn++;
        element.firstSeenMs = Math.min(element.firstSeenMs, timeMs);
        element.lastSeenMs = Math.max(element.lastSeenMs, timeMs);
    }

    private void put(Element element, Name name, Form form, Field field) {
        element.put(name, form, event.get(field), timeMs, hash);
    }
}
