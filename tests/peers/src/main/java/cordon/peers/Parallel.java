package cordon.peers;

import cordon.peers.payload.Letter;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.CommitMode;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import io.confluent.parallelconsumer.PollContext;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Confluent Parallel Consumer in its transactional mode: each pointer gives an object. */
final class Parallel {
    private final Settings settings;
    private final ThreadLocal<Worker> workers;

    private Parallel(Settings settings, Counts counts) {
        this.settings = settings;
        this.workers = ThreadLocal.withInitial(() -> new Worker(settings, counts));
    }

    static AutoCloseable run(Settings settings, Counts counts) throws IOException {
        Properties config = settings.kafka();
        config.put("group.id", settings.group());
        config.put("enable.auto.commit", "false");
        config.put("isolation.level", "read_committed");
        KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        Properties sending = settings.kafka();
        sending.put("transactional.id", settings.group());
        sending.put("linger.ms", 5);
        KafkaProducer<byte[], byte[]> producer =
                new KafkaProducer<>(sending, new ByteArraySerializer(), new ByteArraySerializer());
        ParallelStreamProcessor<byte[], byte[]> processor = ParallelStreamProcessor.createEosStreamProcessor(
                ParallelConsumerOptions.<byte[], byte[]>builder()
                        .consumer(consumer)
                        .producer(producer)
                        .ordering(ProcessingOrder.UNORDERED)
                        .commitMode(CommitMode.PERIODIC_TRANSACTIONAL_PRODUCER)
                        .commitInterval(Duration.ofMillis(settings.number("PEERS_COMMIT_MS", 200)))
                        .maxConcurrency(settings.number("PEERS_THREADS", 3))
                        // More in transactional mode fails: of 0.5.3.3 each record of a batch gives
                        // up the lock that the batch took once ("Need to call #beginProducing first").
                        .batchSize(1)
                        .build());
        processor.subscribe(List.of(Settings.INPUT));
        Parallel peer = new Parallel(settings, counts);
        processor.pollAndProduceMany(peer::process);
        return processor::closeDrainFirst;
    }

    private List<ProducerRecord<byte[], byte[]>> process(PollContext<byte[], byte[]> batch) {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        Worker.Records out = new Worker.Records() {
            @Override
            public void pointer(int partition, byte[] value) {
                records.add(new ProducerRecord<>(settings.output(), partition, null, value));
            }

            @Override
            public void letter(byte[] value) {
                records.add(new ProducerRecord<>(settings.letters(), value));
            }
        };
        Worker worker = workers.get();
        for (ConsumerRecord<byte[], byte[]> record : batch.getConsumerRecordsFlattened()) {
            worker.add(record.value(), new Letter.Origin(record.topic(), record.partition(), record.offset()), out);
        }
        worker.seal(out);
        return records;
    }
}
