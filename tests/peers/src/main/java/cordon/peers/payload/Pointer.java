package cordon.peers.payload;

/** The record that names a payload. */
public record Pointer(
        String bucket, String key, long rangeStart, int rangeBytes, byte[] digest, long datapoints,
        long decodedBytes, long schema, String stage) {
    private static final String STAGE_VERSION = "1";

    public static Pointer decode(byte[] record) {
        AvroReader in = Schemas.POINTER.body(record);
        String bucket = in.text();
        String key = in.text();
        long rangeStart = in.number();
        int rangeBytes = in.size();
        byte[] digest = in.number() == 0 ? null : in.fixed(32);
        long datapoints = in.number() == 0 ? -1 : in.number();
        long decodedBytes = in.number();
        long schema = in.number();
        return new Pointer(bucket, key, rangeStart, rangeBytes, digest, datapoints, decodedBytes, schema, "");
    }

    /** With the times of the earliest and the latest event in it. */
    public byte[] encode(long timeMinMs, long timeMaxMs) {
        AvroWriter out = new AvroWriter();
        Schemas.POINTER.putHeader(out);
        out.text(bucket).text(key).number(rangeStart).number(rangeBytes);
        out.number(1).fixed(digest).number(1).number(datapoints).number(decodedBytes).number(schema);
        out.number(1).number(timeMinMs).number(1).number(timeMaxMs);
        // No selection, and no letters that it drives again.
        out.text(stage).text(STAGE_VERSION).number(0).number(0);
        return out.toBytes();
    }
}
