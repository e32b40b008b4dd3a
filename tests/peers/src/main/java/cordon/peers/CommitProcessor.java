package cordon.peers;

import cordon.peers.payload.Letter;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.ProcessorNode;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;

/**
 * A processor of a task: takes records as they come, and forwards what they gave right before they
 * are committed. The key of what it forwards is the partition, see {@link Streams}.
 */
abstract class CommitProcessor implements Processor<byte[], byte[], Integer, byte[]>, Worker.Records {
    private InternalProcessorContext<Integer, byte[]> context;
    private ProcessorNode<?, ?, ?, ?> node;
    /** Of the record that was processed last; what is forwarded at a commit needs one. */
    private ProcessorRecordContext last;
    private long lastTimestampMs;

    @Override
    public void init(ProcessorContext<Integer, byte[]> given) {
        context = (InternalProcessorContext<Integer, byte[]>) given;
        node = context.currentNode();
        CommitStore store = given.getStateStore(CommitStore.NAME);
        store.beforeCommit(this::flush);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
        last = context.recordContext();
        lastTimestampMs = record.timestamp();
        add(record.value(), new Letter.Origin(last.topic(), last.partition(), last.offset()));
        if (lines() >= Settings.BATCH_LINES_MAX) {
            context.commit();
        }
    }

    private void flush() {
        ProcessorNode<?, ?, ?, ?> nodeBefore = context.currentNode();
        ProcessorRecordContext recordBefore = context.recordContext();
        context.setCurrentNode(node);
        context.setRecordContext(last);
        try {
            seal();
        } finally {
            context.setCurrentNode(nodeBefore);
            context.setRecordContext(recordBefore);
        }
    }

    @Override
    public void pointer(int partition, byte[] value) {
        context.forward(new Record<>(partition, value, lastTimestampMs), Streams.OUTPUT);
    }

    @Override
    public void letter(byte[] value) {
        context.forward(new Record<>(0, value, lastTimestampMs), Streams.LETTERS);
    }

    /** Works on one record. */
    abstract void add(byte[] value, Letter.Origin from);

    /** Lines since the last commit. */
    abstract long lines();

    /** Forwards what all records since the last commit gave. */
    abstract void seal();
}
