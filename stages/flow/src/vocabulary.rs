//! The words of the graph: kinds of nodes, and labels of edges with their inverses.
//!
//! Kinds are OCSF object names. What OCSF has no object for is the nearest one: a named pipe is a
//! `file` of type `Named Pipe`, and a loaded module is the `file` it was loaded from, so that the
//! event that wrote a file and the one that loads it meet in one node.

/// Kinds of nodes.
pub mod kind {
    /// A host, by its name.
    pub const DEVICE: &str = "device";
    /// One life of a process, by Sysmon's ProcessGuid.
    pub const PROCESS: &str = "process";
    /// A file, stream or pipe of a device, by its path.
    pub const FILE: &str = "file";
    /// An account, by domain and name.
    pub const USER: &str = "user";
    /// An address; with port and protocol a service.
    pub const NETWORK_ENDPOINT: &str = "network_endpoint";
    /// A registry key or value of a device, by its path.
    pub const REGISTRY_KEY: &str = "registry_key";
    /// A name somebody asked the DNS for.
    pub const DNS_QUERY: &str = "dns_query";
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident: $label:literal, $inverse:literal;)+) => {
        /// Labels of edges, read from source to target.
        pub mod label {
            $($(#[$doc])* pub const $name: &str = $label;)+
        }

        /// What an edge says read from target to source; `None` for a label this version does not
        /// know.
        pub fn inverse(label: &str) -> Option<&'static str> {
            match label {
                $($label => Some($inverse),)+
                _ => None,
            }
        }
    };
}

labels! {
    /// Process to process: it started it.
    LAUNCHED: "launched", "launched_by";
    /// Process to file: it is its image.
    EXECUTED: "executed", "executed_by";
    /// Process to user: it runs on that account.
    RAN_AS: "ran_as", "ran";
    /// Process to file: it mapped it as a module.
    LOADED: "loaded", "loaded_by";
    /// Process to process: it started a thread inside it.
    CREATED_THREAD_IN: "created_thread_in", "got_thread_from";
    /// Process to process: it opened a handle to it.
    ACCESSED: "accessed", "accessed_by";
    /// Process to file.
    CREATED: "created", "created_by";
    /// Process to file: it wrote an alternate data stream.
    CREATED_STREAM: "created_stream", "stream_created_by";
    /// Process to file.
    DELETED: "deleted", "deleted_by";
    /// Process to registry key: it created or deleted it.
    ALTERED_KEY: "altered_key", "key_altered_by";
    /// Process to registry value.
    SET_VALUE: "set_value", "value_set_by";
    /// Process to registry key.
    RENAMED_KEY: "renamed_key", "key_renamed_by";
    /// Registry key to registry key: its old name to its new one.
    RENAMED_TO: "renamed_to", "renamed_from";
    /// Process to file: a named pipe.
    CREATED_PIPE: "created_pipe", "pipe_created_by";
    /// Process to file: a named pipe.
    CONNECTED_PIPE: "connected_pipe", "pipe_connected_by";
    /// Process to service: it called it.
    CONNECTED_TO: "connected_to", "called_by";
    /// Process to service: it is it.
    LISTENED_ON: "listened_on", "served_by";
    /// Process to address: that is who called it.
    ACCEPTED_FROM: "accepted_from", "connected_into";
    /// Service to address: where it is.
    LOCATED_AT: "located_at", "offers";
    /// Device to address: it is one of its own.
    HAS_ADDRESS: "has_address", "address_of";
    /// Process to DNS query.
    QUERIED: "queried", "queried_by";
    /// DNS query to address.
    RESOLVED_TO: "resolved_to", "resolved_from";
}
