package cordon.peers;

import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;

import java.util.Map;

/**
 * A store that holds nothing, and hears of each commit before it happens: that is when Streams
 * flushes the caches of its stores, inside the transaction. So one output is written for all that a
 * transaction consumed, and never less than once: a plain processor would have to write an output
 * for each record, or commit early by guesswork.
 */
final class CommitStore implements StateStore, CachedStateStore<byte[], byte[]> {
    static final String NAME = "commits";

    private Runnable beforeCommit = () -> {};
    private boolean isOpen;

    /** Makes one for each task; it has no changelog. */
    static final class Builder implements StoreBuilder<CommitStore> {
        @Override
        public StoreBuilder<CommitStore> withCachingEnabled() {
            return this;
        }

        @Override
        public StoreBuilder<CommitStore> withCachingDisabled() {
            return this;
        }

        @Override
        public StoreBuilder<CommitStore> withLoggingEnabled(Map<String, String> config) {
            throw new UnsupportedOperationException("there is nothing to log");
        }

        @Override
        public StoreBuilder<CommitStore> withLoggingDisabled() {
            return this;
        }

        @Override
        public CommitStore build() {
            return new CommitStore();
        }

        @Override
        public Map<String, String> logConfig() {
            return Map.of();
        }

        @Override
        public boolean loggingEnabled() {
            return false;
        }

        @Override
        public String name() {
            return NAME;
        }
    }

    void beforeCommit(Runnable action) {
        beforeCommit = action;
    }

    @Override
    public void flushCache() {
        beforeCommit.run();
    }

    @Override
    public void clearCache() {
        // Nothing is cached here.
    }

    @Override
    public boolean setFlushListener(CacheFlushListener<byte[], byte[]> listener, boolean sendOldValues) {
        return false;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
        context.register(root, (key, value) -> {});
        isOpen = true;
    }

    @Override
    public void close() {
        isOpen = false;
    }

    @Override
    public boolean persistent() {
        return false;
    }

    @Override
    public boolean isOpen() {
        return isOpen;
    }
}
