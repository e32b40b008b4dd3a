package cordon.peers;

import cordon.peers.payload.S3;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

/** What the harness sets, and what was found best by measuring. */
record Settings(String name, Map<String, String> env) {
    /** The bucket of {@code kafka/topology.yaml}. */
    static final String BUCKET = "cordon";
    static final String INPUT = "logs";
    /** One record for each line; for the peer that wants that. */
    static final String LINES = "peers.lines";
    /** A full batch of cordon's. */
    static final int BATCH_LINES_MAX = 32_768;
    /** Elements of a section, as cordon cuts them. */
    static final int SECTION_ELEMENTS_MAX = 4_096;

    /** Its consumer group, and the beginning of its transactional ids. */
    String group() {
        return need("PEERS_GROUP");
    }

    /** Its output topic, and the prefix of its objects. */
    String output() {
        return "peers." + name;
    }

    String letters() {
        return output() + ".dead";
    }

    int partitions() {
        return number("PEERS_PARTITIONS", 4);
    }

    /** A number to be tried; the default is the best that was found, see README.md. */
    int number(String variable, int best) {
        return Integer.parseInt(env.getOrDefault(variable, Integer.toString(best)));
    }

    /** How every client of Kafka connects. */
    Properties kafka() throws IOException {
        Properties properties = new Properties();
        String password = Files.readString(Path.of(need("CORDON_KAFKA_PASSWORD_FILE"))).strip();
        properties.put("bootstrap.servers", need("CORDON_KAFKA_BOOTSTRAP"));
        properties.put("security.protocol", "SASL_PLAINTEXT");
        properties.put("sasl.mechanism", "SCRAM-SHA-512");
        properties.put("sasl.jaas.config", String.format(
                "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";",
                need("CORDON_KAFKA_USERNAME"), password));
        // Back-to-back transactions wait for this otherwise.
        properties.put("retry.backoff.ms", "5");
        properties.put("auto.offset.reset", "earliest");
        return properties;
    }

    /** A connection of its own. */
    S3 s3() {
        Map<String, String> keys = new HashMap<>();
        try {
            for (String line : Files.readAllLines(Path.of(need("CORDON_S3_CREDENTIALS_FILE")))) {
                String[] parts = line.split("=", 2);
                if (parts.length == 2) {
                    keys.put(parts[0].strip(), parts[1].strip());
                }
            }
        } catch (IOException unreadable) {
            throw new IllegalStateException(unreadable);
        }
        return new S3(URI.create(need("CORDON_S3_ENDPOINT")), need("CORDON_S3_REGION"),
                keys.get("aws_access_key_id"), keys.get("aws_secret_access_key"));
    }

    private String need(String variable) {
        String value = env.get(variable);
        if (value == null) {
            throw new IllegalStateException(variable + " is not set");
        }
        return value;
    }
}
