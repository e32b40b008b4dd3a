package cordon.peers;

import java.io.IOException;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;

/** Kafka Streams with exactly_once_v2, over pointers or over lines. */
final class Streams {
    static final String OUTPUT = "output";
    static final String LETTERS = "letters";
    private static final String INPUT = "input";
    private static final String PROCESSOR = "generate";

    private Streams() {}

    static AutoCloseable overPointers(Settings settings, Counts counts) throws IOException {
        Properties config = config(settings);
        // A record is hundreds of kilobytes of work: few at a time, so that no thread starves.
        config.put(StreamsConfig.consumerPrefix("max.poll.records"), settings.number("PEERS_POLL", 32));
        return run(settings, Settings.INPUT, () -> new PointerProcessor(settings, counts), config);
    }

    static AutoCloseable overLines(Settings settings, Counts counts) throws IOException {
        Properties config = config(settings);
        config.put(StreamsConfig.consumerPrefix("max.poll.records"), settings.number("PEERS_POLL", 10_000));
        config.put(StreamsConfig.consumerPrefix("fetch.min.bytes"), 64 << 10);
        config.put(StreamsConfig.consumerPrefix("fetch.max.wait.ms"), 20);
        config.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 4 << 20);
        config.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
        // Output is written as records of a hundred kilobytes: batches that hold two. The input's
        // batches are in zstd; these are not, which takes the peer less CPU.
        config.put(StreamsConfig.producerPrefix("batch.size"), 256 << 10);
        return run(settings, Settings.LINES, () -> new LineProcessor(settings, counts), config);
    }

    private static Properties config(Settings settings) throws IOException {
        Properties config = settings.kafka();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, settings.group());
        config.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        config.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, settings.number("PEERS_THREADS", 2));
        config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, settings.number("PEERS_COMMIT_MS", 200));
        config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        config.put(StreamsConfig.STATE_DIR_CONFIG, settings.env().getOrDefault("PEERS_STATE_DIR", "streams"));
        config.put(StreamsConfig.producerPrefix("linger.ms"), 100);
        return config;
    }

    private static AutoCloseable run(
            Settings settings, String input, ProcessorSupplier<byte[], byte[], Integer, byte[]> supplier,
            Properties config) {
        Serializer<Integer> noKey = (topic, key) -> null;
        StreamPartitioner<Integer, byte[]> byKey = (topic, partition, value, count) -> Optional.of(Set.of(partition));
        Topology topology = new Topology();
        topology.addSource(INPUT, new ByteArrayDeserializer(), new ByteArrayDeserializer(), input);
        topology.addProcessor(PROCESSOR, supplier, INPUT);
        topology.addStateStore(new CommitStore.Builder(), PROCESSOR);
        topology.addSink(OUTPUT, settings.output(), noKey, new ByteArraySerializer(), byKey, PROCESSOR);
        topology.addSink(LETTERS, settings.letters(), noKey, new ByteArraySerializer(), byKey, PROCESSOR);
        KafkaStreams streams = new KafkaStreams(topology, config);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
        streams.start();
        return streams::close;
    }
}
