package cordon.peers.event;

/** Why a line is dead. It is no fault of the program's, so it carries no stack trace. */
public final class Dead extends Exception {
    private static final long serialVersionUID = 1;

    public Dead(String why) {
        super(why, null, false, false);
    }
}
