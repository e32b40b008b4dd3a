package cordon.peers;

import cordon.peers.payload.Pointer;
import cordon.peers.payload.S3;
import cordon.peers.payload.SectionReader;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Reads pointers from standard input, one in hex a line, and writes each line of their payloads as
 * a record, several times over.
 */
final class LineLoader {
    private LineLoader() {}

    static void run(Settings settings, int rounds) throws Exception {
        Properties config = settings.kafka();
        config.put("compression.type", "zstd");
        config.put("linger.ms", 50);
        config.put("batch.size", 512 << 10);
        config.put("max.request.size", 4 << 20);
        config.put("buffer.memory", 128 << 20);
        var lines = new BufferedReader(new InputStreamReader(System.in)).lines().toList();
        long[] sent = {0};
        try (S3 s3 = settings.s3();
                SectionReader reader = new SectionReader();
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int round = 0; round < rounds; round++) {
                for (String line : lines) {
                    Pointer pointer = Pointer.decode(HexFormat.of().parseHex(line));
                    byte[] payload =
                            s3.get(pointer.bucket(), pointer.key(), pointer.rangeStart(), pointer.rangeBytes());
                    reader.read(payload, (bytes, start, len) -> producer.send(new ProducerRecord<>(Settings.LINES,
                            (int) (sent[0]++ / 512 % settings.partitions()), null,
                            Arrays.copyOfRange(bytes, start, start + len))));
                }
            }
        }
        System.out.println(sent[0]);
    }
}
