package cordon.peers.graph;

/** How the values of a property merge. */
enum Law {
    /** The value of the earliest event, of equal times the smaller; who disagreed stays as hashes. */
    IMMUTABLE,
    /** The smallest number. */
    MIN,
    /** The largest number. */
    MAX,
    /** The distinct values, up to a bound the smallest. */
    SET,
    /** The value of the latest event, of equal times the larger. */
    LATEST
}
