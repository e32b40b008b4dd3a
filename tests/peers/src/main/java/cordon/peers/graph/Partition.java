package cordon.peers.graph;

/** The partition of an element: what Kafka's default partitioner does with its home's key. */
final class Partition {
    private static final int M = 0x5bd1e995;

    private Partition() {}

    static int of(Element home, int partitions) {
        return (murmur2(home.key0, home.key1) & Integer.MAX_VALUE) % partitions;
    }

    private static int murmur2(long key0, long key1) {
        int hash = 0x9747b28c ^ 16;
        hash = mix(hash, (int) (key0 >>> 32));
        hash = mix(hash, (int) key0);
        hash = mix(hash, (int) (key1 >>> 32));
        hash = mix(hash, (int) key1);
        hash ^= hash >>> 13;
        hash *= M;
        return hash ^ hash >>> 15;
    }

    private static int mix(int hash, int bigEndianWord) {
        int word = Integer.reverseBytes(bigEndianWord) * M;
        word ^= word >>> 24;
        return hash * M ^ word * M;
    }
}
