package cordon.peers.graph;

import java.nio.charset.StandardCharsets;

/** Names of properties in the order of their bytes, and their laws. */
enum Name {
    ACTIVITY("activity", Law.SET),
    ACTUAL_PERMISSIONS("actual_permissions", Law.SET),
    ANSWERS("answers", Law.SET),
    CMD_LINE("cmd_line", Law.IMMUTABLE),
    COMPANY_NAME("company_name", Law.LATEST),
    CREATED_TIME("created_time", Law.MIN),
    DATA("data", Law.LATEST),
    DOMAIN("domain", Law.IMMUTABLE),
    FILE_PATH("file.path", Law.IMMUTABLE),
    HASHES_IMPHASH("hashes.imphash", Law.SET),
    HASHES_MD5("hashes.md5", Law.SET),
    HASHES_SHA1("hashes.sha1", Law.SET),
    HASHES_SHA256("hashes.sha256", Law.SET),
    HOSTNAME("hostname", Law.SET),
    INTEGRITY("integrity", Law.IMMUTABLE),
    IP("ip", Law.IMMUTABLE),
    MODULE_FUNCTION_NAME("module.function_name", Law.SET),
    MODULE_PATH("module.path", Law.SET),
    NAME("name", Law.IMMUTABLE),
    PATH("path", Law.IMMUTABLE),
    PID("pid", Law.IMMUTABLE),
    PORT("port", Law.IMMUTABLE),
    PROTOCOL_NAME("protocol_name", Law.IMMUTABLE),
    SIGNATURE_STATE("signature.state", Law.LATEST),
    SIGNATURE_SUBJECT("signature.subject", Law.LATEST),
    STATUS_CODE("status_code", Law.SET),
    TERMINATED_TIME("terminated_time", Law.MAX),
    TYPE("type", Law.IMMUTABLE),
    UID("uid", Law.IMMUTABLE),
    USER_NAME("user.name", Law.IMMUTABLE),
    VERSION("version", Law.LATEST),
    WORKING_DIRECTORY("working_directory", Law.IMMUTABLE);

    /** How it is written. */
    final byte[] bytes;
    final Law law;
    /** Whether the event's time stands beside its value. */
    final boolean hasTime;

    Name(String text, Law law) {
        this.bytes = text.getBytes(StandardCharsets.US_ASCII);
        this.law = law;
        this.hasTime = law == Law.IMMUTABLE || law == Law.LATEST;
    }
}
