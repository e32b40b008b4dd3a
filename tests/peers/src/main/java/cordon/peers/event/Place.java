package cordon.peers.event;

import java.util.HashMap;
import java.util.Map;

/** Where in a line a key stands, and what the keys there mean. */
enum Place {
    /** The line's own object: everything of a flat line, the envelope of others. */
    TOP,
    /** {@code Event} of EVTX. */
    EVENT,
    /** {@code Event.System} of EVTX. */
    SYSTEM,
    /** {@code winlog} of Winlogbeat. */
    WINLOG,
    /** The object with the event's own fields. */
    DATA;

    /** A field to store, or a place to descend to; one of the two is null. */
    record Action(Field store, Place descend) {}

    private final Map<String, Action> actions = new HashMap<>(512);

    /** What to do with the value of a key; null: skip it. */
    Action of(String key) {
        return actions.get(key);
    }

    private void store(Field field, String... keys) {
        for (String key : keys) {
            actions.put(key, new Action(field, null));
        }
    }

    private void descend(Place place, String... keys) {
        for (String key : keys) {
            actions.put(key, new Action(null, place));
        }
    }

    static {
        for (Field field : Field.values()) {
            DATA.store(field, field.keys);
            TOP.store(field, field.keys);
        }
        TOP.descend(EVENT, "Event");
        TOP.descend(WINLOG, "winlog");
        TOP.descend(DATA, "EventData", "event_data");
        TOP.store(Field.EventId, "EventID", "event_id");
        TOP.store(Field.Channel, "Channel", "log_name");
        TOP.store(Field.Provider, "Provider", "ProviderName", "SourceName", "source_name");
        TOP.store(Field.Computer, "Hostname", "Computer", "computer_name");
        EVENT.descend(SYSTEM, "System");
        EVENT.descend(DATA, "EventData");
        SYSTEM.store(Field.EventId, "EventID");
        SYSTEM.store(Field.Channel, "Channel");
        SYSTEM.store(Field.Provider, "Provider");
        SYSTEM.store(Field.Computer, "Computer");
        WINLOG.store(Field.EventId, "event_id");
        WINLOG.store(Field.Channel, "channel");
        WINLOG.store(Field.Provider, "provider_name");
        WINLOG.store(Field.Computer, "computer_name");
        WINLOG.descend(DATA, "event_data");
    }
}
