package cordon.peers.event;

/** A field of an event, by its meaning. Those of Sysmon are called as Sysmon calls them. */
public enum Field {
    EventId(), Channel(), Provider(), Computer(),
    UtcTime("UtcTime"),
    ProcessGuid("ProcessGuid"),
    ProcessId("ProcessId"),
    Image("Image"),
    User("User"),
    CommandLine("CommandLine"),
    CurrentDirectory("CurrentDirectory"),
    IntegrityLevel("IntegrityLevel"),
    Hashes("Hashes", "Hash"),
    Company("Company"),
    FileVersion("FileVersion"),
    ParentProcessGuid("ParentProcessGuid"),
    ParentProcessId("ParentProcessId"),
    ParentImage("ParentImage"),
    ParentCommandLine("ParentCommandLine"),
    ParentUser("ParentUser"),
    Protocol("Protocol"),
    Initiated("Initiated"),
    SourceIp("SourceIp"),
    SourceHostname("SourceHostname"),
    DestinationIp("DestinationIp"),
    DestinationHostname("DestinationHostname"),
    DestinationPort("DestinationPort"),
    ImageLoaded("ImageLoaded"),
    SignatureStatus("SignatureStatus"),
    Signature("Signature"),
    SourceProcessGuid("SourceProcessGUID", "SourceProcessGuid"),
    SourceProcessId("SourceProcessId"),
    SourceImage("SourceImage"),
    SourceUser("SourceUser"),
    TargetProcessGuid("TargetProcessGUID", "TargetProcessGuid"),
    TargetProcessId("TargetProcessId"),
    TargetImage("TargetImage"),
    TargetUser("TargetUser"),
    StartModule("StartModule"),
    StartFunction("StartFunction"),
    GrantedAccess("GrantedAccess"),
    TargetFilename("TargetFilename"),
    CreationUtcTime("CreationUtcTime"),
    EventType("EventType"),
    TargetObject("TargetObject"),
    NewName("NewName"),
    Details("Details"),
    PipeName("PipeName"),
    QueryName("QueryName"),
    QueryStatus("QueryStatus"),
    QueryResults("QueryResults");

    /** Keys of the event's own data that mean it. */
    final String[] keys;
    /** Its place in a set of 64 bits. */
    final long bit = 1L << ordinal();

    static final int COUNT = values().length;

    Field(String... keys) {
        this.keys = keys;
    }
}
