package cordon.peers;

import java.util.concurrent.atomic.LongAdder;

/** What became of all lines, and of what they showed. */
public final class Counts {
    public final LongAdder mapped = new LongAdder();
    public final LongAdder notMapped = new LongAdder();
    public final LongAdder dead = new LongAdder();
    public final LongAdder elementsIn = new LongAdder();
    public final LongAdder elementsOut = new LongAdder();
    public final LongAdder batches = new LongAdder();

    /** For the harness, in JSON. */
    String toJson() {
        return String.format(
                "{\"mapped\":%d,\"not_mapped\":%d,\"dead\":%d,\"elements_in\":%d,\"elements_out\":%d,\"batches\":%d}",
                mapped.sum(), notMapped.sum(), dead.sum(), elementsIn.sum(), elementsOut.sum(), batches.sum());
    }
}
