package cordon.peers.payload;

import java.util.Arrays;

/** The record of a dead datapoint. */
public final class Letter {
    private static final int EXCERPT_BYTES_MAX = 1024;
    private static final int DETAIL_CHARS_MAX = 85;

    private Letter() {}

    /** Where the payload's pointer lies. */
    public record Origin(String topic, int partition, long offset) {}

    public static byte[] encode(
            String stage, byte[] batch, Origin from, long index, String bucket, String key, String detail,
            byte[] bytes, int start, int len) {
        AvroWriter out = new AvroWriter();
        Schemas.LETTER.putHeader(out);
        out.text(stage + '/' + from.topic() + '/' + from.partition() + '/' + from.offset() + '/' + index);
        out.fixed(batch).text(stage).text("1").number(System.currentTimeMillis());
        out.text(from.topic()).number(from.partition()).number(from.offset());
        out.number(index).number(index + 1).text(bucket).text(key).text("rejected");
        out.text(detail.substring(0, Math.min(detail.length(), DETAIL_CHARS_MAX)));
        int excerpt = Math.min(len, EXCERPT_BYTES_MAX);
        out.number(1).blob(Arrays.copyOfRange(bytes, start, start + excerpt)).number(0);
        return out.toBytes();
    }

    /** For lines that have no payload. */
    public static byte[] encode(String stage, byte[] batch, Origin from, String detail, byte[] line) {
        return encode(stage, batch, from, 0, "", "", detail, line, 0, line.length);
    }

}
