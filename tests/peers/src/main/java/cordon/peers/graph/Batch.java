package cordon.peers.graph;

import cordon.peers.Counts;
import cordon.peers.event.Dead;
import cordon.peers.event.Event;
import cordon.peers.payload.AvroWriter;
import java.util.ArrayList;
import java.util.List;

/** The lines of one transaction, as one graph. One thread uses it, batch after batch. */
public final class Batch {
    private final Event event = new Event();
    private final Mapper mapper = new Mapper();
    private final Counts counts;
    private long elementsBefore;
    private long lines;

    /** Takes an encoded element, its partition and its times. */
    public interface Elements {
        /** Where the next element is to be written. */
        AvroWriter datum();

        /** It was written from {@code start} on. */
        void ended(int start);
    }

    /** Makes a letter of a dead line. */
    public interface Letters {
        void dead(String detail);
    }

    public Batch(Counts counts) {
        this.counts = counts;
    }

    /** Lines since the last {@link #take}. */
    public long lines() {
        return lines;
    }

    /** Maps a line into the graph, or calls for a letter. */
    public void add(byte[] bytes, int start, int len, Letters letters) {
        lines++;
        try {
            event.read(bytes, start, len);
            if (mapper.map(event)) {
                counts.mapped.increment();
            } else {
                counts.notMapped.increment();
            }
        } catch (Dead dead) {
            counts.dead.increment();
            letters.dead(dead.getMessage());
        }
    }

    /** The graph's elements by partition; the next line begins another graph. */
    public Sealed take(int partitions) {
        counts.elementsIn.add(mapper.elementsIn() - elementsBefore);
        elementsBefore = mapper.elementsIn();
        lines = 0;
        return new Sealed(mapper.takeGraph(), partitions);
    }

    /** A graph that grows no more. */
    public static final class Sealed {
        private final List<List<Element>> partitions = new ArrayList<>();
        private long timeMinMs = Long.MAX_VALUE;
        private long timeMaxMs = Long.MIN_VALUE;

        private Sealed(Graph graph, int count) {
            for (int partition = 0; partition < count; partition++) {
                partitions.add(new ArrayList<>());
            }
            for (Element element : graph.elements) {
                if (element.wasSeen()) {
                    partitions.get(Partition.of(element.home, count)).add(element);
                    timeMinMs = Math.min(timeMinMs, element.firstSeenMs);
                    timeMaxMs = Math.max(timeMaxMs, element.lastSeenMs);
                }
            }
        }

        /** How many elements are in a partition. */
        public int count(int partition) {
            return partitions.get(partition).size();
        }

        public long timeMinMs() {
            return timeMinMs;
        }

        public long timeMaxMs() {
            return timeMaxMs;
        }

        /** Encodes some of a partition's elements. */
        public void write(int partition, int from, int to, Elements out) {
            for (Element element : partitions.get(partition).subList(from, to)) {
                int start = out.datum().len();
                Encoder.write(element, out.datum());
                out.ended(start);
            }
        }
    }
}
