package cordon.peers.payload;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/** A schema of {@code avro/schemas}, as it stands in containers and before single objects. */
public record Schemas(byte[] json, long fingerprint) {
    public static final Schemas LOG_DATAPOINT = read("log_datapoint.v1");
    public static final Schemas ELEMENT = read("element.v1");
    public static final Schemas POINTER = read("pointer.v1");
    public static final Schemas LETTER = read("letter.v2");

    private static final int SINGLE_OBJECT_BYTES = 10;

    private static Schemas read(String name) {
        try (InputStream file = Schemas.class.getResourceAsStream("/schemas/" + name + ".avsc")) {
            byte[] json = file.readAllBytes();
            Schema schema = new Schema.Parser().parse(new String(json, StandardCharsets.UTF_8));
            return new Schemas(json, SchemaNormalization.parsingFingerprint64(schema));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    /** Begins a single object. */
    void putHeader(AvroWriter out) {
        out.fixed(new byte[] {(byte) 0xC3, 1});
        out.half(Long.reverseBytes(fingerprint));
    }

    /** The body of a single object. */
    AvroReader body(byte[] object) {
        AvroWriter header = new AvroWriter();
        putHeader(header);
        for (int i = 0; i < SINGLE_OBJECT_BYTES; i++) {
            if (object[i] != header.buffer()[i]) {
                throw new IllegalArgumentException("a record has another schema");
            }
        }
        return new AvroReader(object, SINGLE_OBJECT_BYTES, object.length);
    }
}
