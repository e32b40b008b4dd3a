package cordon.peers.payload;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Locale;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * GET and PUT of objects over one connection that stays open, signed by SigV4. An SDK does the same
 * for several times the CPU: this is all that the peers need of one. One thread uses it.
 */
public final class S3 implements AutoCloseable {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);
    private static final String EMPTY = HexFormat.of().formatHex(Sha.of(new byte[0], 0, 0));
    private static final int BUFFER_BYTES = 64 << 10;

    private final URI endpoint;
    private final String region;
    private final String accessKey;
    private final String secretKey;
    private Socket socket;
    private InputStream in;
    private String signingDay = "";
    private byte[] signingKey;

    public S3(URI endpoint, String region, String accessKey, String secretKey) {
        this.endpoint = endpoint;
        this.region = region;
        this.accessKey = accessKey;
        this.secretKey = secretKey;
    }

    /** A range of an object. */
    public byte[] get(String bucket, String key, long start, int len) throws IOException {
        TreeMap<String, String> headers = new TreeMap<>();
        headers.put("range", "bytes=" + start + '-' + (start + len - 1));
        byte[] body = exchange("GET", '/' + bucket + '/' + key, headers, EMPTY, null, 0);
        if (body.length != len) {
            throw new IOException(key + ": " + body.length + " bytes instead of " + len);
        }
        return body;
    }

    /** A whole object; its SHA-256 is signed, and stored as its checksum. */
    public void put(String bucket, String key, byte[] bytes, int len) throws IOException {
        byte[] digest = Sha.of(bytes, 0, len);
        TreeMap<String, String> headers = new TreeMap<>();
        headers.put("content-length", Integer.toString(len));
        headers.put("x-amz-checksum-sha256", Base64.getEncoder().encodeToString(digest));
        exchange("PUT", '/' + bucket + '/' + key, headers, HexFormat.of().formatHex(digest), bytes, len);
    }

    private byte[] exchange(
            String method, String path, TreeMap<String, String> headers, String contentHash, byte[] body, int len)
            throws IOException {
        boolean isNew = socket == null;
        try {
            send(method, path, headers, contentHash, body, len);
            return answer();
        } catch (IOException broken) {
            close();
            if (isNew) {
                throw broken;
            }
        }
        // The server may close a connection that was idle; a fresh one must do.
        send(method, path, headers, contentHash, body, len);
        return answer();
    }

    private void send(
            String method, String path, TreeMap<String, String> headers, String contentHash, byte[] body, int len)
            throws IOException {
        String time = TIME.format(Instant.now());
        headers.put("host", endpoint.getHost() + ':' + endpoint.getPort());
        headers.put("x-amz-content-sha256", contentHash);
        headers.put("x-amz-date", time);
        StringBuilder request = new StringBuilder(1024).append(method).append(' ').append(path).append(" HTTP/1.1\r\n");
        headers.forEach((name, value) -> request.append(name).append(": ").append(value).append("\r\n"));
        request.append("authorization: ").append(authorization(method, path, headers, contentHash, time));
        byte[] head = request.append("\r\n\r\n").toString().getBytes(StandardCharsets.US_ASCII);
        if (socket == null) {
            socket = new Socket(endpoint.getHost(), endpoint.getPort());
            socket.setTcpNoDelay(true);
            in = new BufferedInputStream(socket.getInputStream(), BUFFER_BYTES);
        }
        socket.getOutputStream().write(head);
        if (body != null) {
            socket.getOutputStream().write(body, 0, len);
        }
    }

    private String authorization(
            String method, String path, TreeMap<String, String> headers, String contentHash, String time) {
        String names = String.join(";", headers.keySet());
        StringBuilder canonical = new StringBuilder(1024).append(method).append('\n').append(path).append("\n\n");
        headers.forEach((name, value) -> canonical.append(name).append(':').append(value).append('\n'));
        canonical.append('\n').append(names).append('\n').append(contentHash);
        String day = time.substring(0, 8);
        String scope = day + '/' + region + "/s3/aws4_request";
        byte[] text = canonical.toString().getBytes(StandardCharsets.US_ASCII);
        String toSign = "AWS4-HMAC-SHA256\n" + time + '\n' + scope + '\n'
                + HexFormat.of().formatHex(Sha.of(text, 0, text.length));
        if (!day.equals(signingDay)) {
            byte[] key = hmac(("AWS4" + secretKey).getBytes(StandardCharsets.UTF_8), day);
            signingKey = hmac(hmac(hmac(key, region), "s3"), "aws4_request");
            signingDay = day;
        }
        return "AWS4-HMAC-SHA256 Credential=" + accessKey + '/' + scope + ", SignedHeaders=" + names
                + ", Signature=" + HexFormat.of().formatHex(hmac(signingKey, toSign));
    }

    private static byte[] hmac(byte[] key, String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private byte[] answer() throws IOException {
        String status = line();
        int len = 0;
        boolean closes = false;
        boolean isChunked = false;
        for (String header = line(); !header.isEmpty(); header = line()) {
            String lower = header.toLowerCase(Locale.ROOT);
            if (lower.startsWith("content-length:")) {
                len = Integer.parseInt(lower.substring(15).trim());
            }
            isChunked |= lower.startsWith("transfer-encoding:") && lower.contains("chunked");
            closes |= lower.startsWith("connection:") && lower.contains("close");
        }
        byte[] body = isChunked ? chunks() : in.readNBytes(len);
        if (closes) {
            close();
        }
        if (!status.startsWith("HTTP/1.1 2")) {
            throw new IOException(status + ": " + new String(body, StandardCharsets.UTF_8));
        }
        return body;
    }

    private byte[] chunks() throws IOException {
        AvroWriter body = new AvroWriter();
        while (true) {
            int len = Integer.parseInt(line().trim(), 16);
            body.fixed(in.readNBytes(len));
            line();
            if (len == 0) {
                return body.toBytes();
            }
        }
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder(80);
        for (int letter = in.read(); letter != '\n'; letter = in.read()) {
            if (letter < 0) {
                throw new EOFException("the connection ended");
            }
            line.append((char) letter);
        }
        if (line.length() > 0) {
            line.setLength(line.length() - 1);
        }
        return line.toString();
    }

    @Override
    public void close() throws IOException {
        if (socket != null) {
            socket.close();
            socket = null;
        }
    }
}
