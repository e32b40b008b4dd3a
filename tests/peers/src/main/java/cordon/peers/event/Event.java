package cordon.peers.event;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;

/**
 * One log line, read once by Jackson's streaming parser: only the fields that the mapping needs
 * become strings. It is used again for the next line.
 */
public final class Event {
    private static final int DEPTH_MAX = 128;
    private static final JsonFactory FACTORY = JsonFactory.builder()
            // Errors say no source: an excerpt of the line goes into the letter anyway.
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .disable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(DEPTH_MAX)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .build();

    private final String[] values = new String[Field.COUNT];
    private long present;
    private long fromData;
    private boolean isDataUnreadable;

    /** Reads a line in the place of the one before. */
    public void read(byte[] bytes, int start, int len) throws Dead {
        present = 0;
        fromData = 0;
        isDataUnreadable = false;
        try (JsonParser parser = FACTORY.createParser(bytes, start, len)) {
            readAll(parser, Place.TOP);
        } catch (IOException malformed) {
            throw new Dead(String.valueOf(malformed.getMessage()));
        }
    }

    /** The text of a field; null when it is absent, empty or {@code -}. */
    public String get(Field field) {
        String value = raw(field);
        return value == null || value.isEmpty() || value.equals("-") ? null : value;
    }

    /** A field without which the event has no meaning. */
    public String required(Field field) throws Dead {
        String value = get(field);
        if (value == null) {
            throw new Dead("no " + field);
        }
        return value;
    }

    public boolean isSysmon() {
        return "Microsoft-Windows-Sysmon/Operational".equalsIgnoreCase(raw(Field.Channel))
                || "Microsoft-Windows-Sysmon".equalsIgnoreCase(raw(Field.Provider));
    }

    /** The number of the event's kind. */
    public int id() throws Dead {
        String text = raw(Field.EventId);
        int id = text == null ? -1 : (int) Numbers.parse(text.startsWith("+") ? text.substring(1) : text, 0xFFFF);
        if (id < 0) {
            throw new Dead("a Sysmon event without an EventID");
        }
        return id;
    }

    /** Whether the event's data came as a text that is no JSON object. */
    public boolean isDataUnreadable() {
        return isDataUnreadable;
    }

    private String raw(Field field) {
        return (present & field.bit) == 0 ? null : values[field.ordinal()];
    }

    /** One object and nothing else. */
    private void readAll(JsonParser parser, Place place) throws IOException, Dead {
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw new Dead("no JSON object");
        }
        readObject(parser, place);
        if (parser.nextToken() != null) {
            throw new Dead("something stands behind the object");
        }
    }

    private void readObject(JsonParser parser, Place place) throws IOException, Dead {
        boolean isData = place == Place.DATA;
        String key;
        while ((key = parser.nextFieldName()) != null) {
            Place.Action action = place.of(key);
            JsonToken token = parser.nextToken();
            if (action == null) {
                parser.skipChildren();
            } else if (action.store() != null) {
                store(parser, token, action.store(), isData);
            } else if (token == JsonToken.START_OBJECT) {
                readObject(parser, action.descend());
            } else if (token == JsonToken.VALUE_STRING && action.descend() == Place.DATA) {
                readDataText(parser.getText());
            } else {
                parser.skipChildren();
            }
        }
    }

    private void store(JsonParser parser, JsonToken token, Field field, boolean isData) throws IOException {
        switch (token) {
            case VALUE_STRING -> put(field, isData, parser.getText());
            case VALUE_NUMBER_INT -> {
                String digits = parser.getText();
                if (Numbers.fitsInto64Bits(digits)) {
                    put(field, isData, digits);
                }
            }
            case VALUE_TRUE -> put(field, isData, "true");
            case VALUE_FALSE -> put(field, isData, "false");
            case START_OBJECT -> storeElement(parser, field, isData);
            default -> parser.skipChildren();
        }
    }

    /** EVTX gives an element with attributes as an object: its text, and of a provider its name. */
    private void storeElement(JsonParser parser, Field field, boolean isData) throws IOException {
        String key;
        while ((key = parser.nextFieldName()) != null) {
            boolean isText = key.equals("#text")
                    || field == Field.Provider && (key.equals("#attributes") || key.equals("Name"));
            JsonToken token = parser.nextToken();
            if (isText) {
                store(parser, token, field, isData);
            } else {
                parser.skipChildren();
            }
        }
    }

    private void put(Field field, boolean isData, String value) {
        if (isData) {
            fromData |= field.bit;
        } else if ((fromData & field.bit) != 0) {
            return;
        }
        values[field.ordinal()] = value;
        present |= field.bit;
    }

    /** Sentinel writes the event's data as a string. */
    private void readDataText(String json) {
        Event data = new Event();
        try (JsonParser parser = FACTORY.createParser(json)) {
            data.readAll(parser, Place.DATA);
        } catch (IOException | Dead malformed) {
            isDataUnreadable = true;
            return;
        }
        for (Field field : Field.values()) {
            String value = data.raw(field);
            if (value != null) {
                put(field, true, value);
            }
        }
    }
}
