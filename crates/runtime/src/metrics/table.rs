//! The one table of metric names (D1): what is exposed, as what, in which unit, and what it means.
//!
//! `alertmanager_*` are the names dashboards and alerts on Alertmanager use (spec/alertmanager.md §1.5); `belfry_*`
//! are our own. Nothing is exposed that is not listed here; a test compares.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations per bucket.
    Histogram,
    /// Sum and count of observations, without quantiles.
    Summary,
}

/// What a value counts; names end in it where the field's custom says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, or a flag.
    Count,
    /// Seconds, or a Unix time in seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The exposed name, including `_total`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// Its meaning, without the full stop.
    pub help: &'static str,
}

macro_rules! table {
    ($($id:ident $kind:ident $unit:ident $name:literal $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Spec = Spec { name: $name, kind: Kind::$kind, unit: Unit::$unit, help: $help };
        )*

        /// Every row.
        pub const ALL: &[Spec] = &[$($id),*];
    };
}

table! {
    ALERTS Gauge Count "alertmanager_alerts" "Alerts that are not resolved, by state";
    ALERTS_RECEIVED Counter Count "alertmanager_alerts_received_total" "Alerts received through the API, by status";
    ALERTS_INVALID Counter Count "alertmanager_alerts_invalid_total" "Alerts received through the API and refused as invalid";
    ALERTS_PER_ALERT_LIMIT Gauge Count "alertmanager_alerts_per_alert_limit" "Most alerts kept per alert name; 0 means no limit";
    ALERTS_LIMITED Counter Count "alertmanager_alerts_limited_total" "Alerts dropped because of the limit per alert name";
    ALERTS_SUBSCRIBER_WRITES Counter Count "alertmanager_alerts_subscriber_channel_writes_total" "Alerts handed to those who follow them, by subscriber";

    NOTIFICATIONS Counter Count "alertmanager_notifications_total" "Notifications attempted, by integration";
    NOTIFICATIONS_FAILED Counter Count "alertmanager_notifications_failed_total" "Notifications that failed for good, by integration and reason";
    NOTIFICATION_REQUESTS Counter Count "alertmanager_notification_requests_total" "Single requests made for notifications, by integration";
    NOTIFICATION_REQUESTS_FAILED Counter Count "alertmanager_notification_requests_failed_total" "Single requests that failed, by integration";
    NOTIFICATION_LATENCY Histogram Seconds "alertmanager_notification_latency_seconds" "How long single requests took, by integration";
    NOTIFICATIONS_SUPPRESSED Counter Count "alertmanager_notifications_suppressed_total" "Alerts kept back from a notification, by reason";

    NOTIFICATIONS_HELD Counter Count "belfry_notifications_held_total" "Times a notification was held back, by a rate limit or because the provider asked for patience, by integration";
    TEMPLATE_FALLBACKS Counter Count "belfry_notification_template_fallbacks_total" "Notifications that said something else because one of their templates failed, by integration";

    SILENCES Gauge Count "alertmanager_silences" "Silences, by state";
    SILENCES_GC_DURATION Summary Seconds "alertmanager_silences_gc_duration_seconds" "How long forgetting expired silences took";
    SILENCES_GC_ERRORS Counter Count "alertmanager_silences_gc_errors_total" "Errors while forgetting expired silences";
    SILENCES_SNAPSHOT_DURATION Summary Seconds "alertmanager_silences_snapshot_duration_seconds" "How long writing silences took";
    SILENCES_SNAPSHOT_SIZE Gauge Bytes "alertmanager_silences_snapshot_size_bytes" "Size of the silences last written as a whole";
    SILENCES_MAINTENANCE Counter Count "alertmanager_silences_maintenance_total" "Rounds of silence maintenance";
    SILENCES_MAINTENANCE_ERRORS Counter Count "alertmanager_silences_maintenance_errors_total" "Rounds of silence maintenance that failed";
    SILENCES_MATCHER_COMPILE_ERRORS Counter Count "alertmanager_silences_matcher_compile_errors_total" "Stored silences whose matchers could not be compiled, by stage";
    SILENCES_QUERIES Counter Count "alertmanager_silences_queries_total" "Queries for silences";
    SILENCES_QUERY_ERRORS Counter Count "alertmanager_silences_query_errors_total" "Queries for silences that failed";
    SILENCES_QUERY_DURATION Histogram Seconds "alertmanager_silences_query_duration_seconds" "How long queries for silences took";
    SILENCES_QUERY_SCANNED Counter Count "alertmanager_silences_query_silences_scanned_total" "Silences looked at by queries";
    SILENCES_QUERY_SKIPPED Counter Count "alertmanager_silences_query_silences_skipped_total" "Silences queries did not have to look at";
    SILENCES_GOSSIP Counter Count "alertmanager_silences_gossip_messages_propagated_total" "Silences passed on by gossip; always 0, Belfry does not gossip";
    SILENCES_STATE_SIZE Gauge Count "alertmanager_silences_state_size" "Silences held in memory";
    SILENCES_MATCHER_INDEX_SIZE Gauge Count "alertmanager_silences_matcher_index_size" "Silences in the matcher index";
    SILENCES_VERSION_INDEX_SIZE Gauge Count "alertmanager_silences_version_index_size" "Silences in the version index";

    NFLOG_GC_DURATION Summary Seconds "alertmanager_nflog_gc_duration_seconds" "How long forgetting old notification records took";
    NFLOG_SNAPSHOT_DURATION Summary Seconds "alertmanager_nflog_snapshot_duration_seconds" "How long writing notification records took";
    NFLOG_SNAPSHOT_SIZE Gauge Bytes "alertmanager_nflog_snapshot_size_bytes" "Size of the notification records last written as a whole";
    NFLOG_MAINTENANCE Counter Count "alertmanager_nflog_maintenance_total" "Rounds of notification record maintenance";
    NFLOG_MAINTENANCE_ERRORS Counter Count "alertmanager_nflog_maintenance_errors_total" "Rounds of notification record maintenance that failed";
    NFLOG_QUERIES Counter Count "alertmanager_nflog_queries_total" "Look-ups of what an integration was told";
    NFLOG_QUERY_ERRORS Counter Count "alertmanager_nflog_query_errors_total" "Look-ups of what an integration was told that failed";
    NFLOG_QUERY_DURATION Histogram Seconds "alertmanager_nflog_query_duration_seconds" "How long looking up what an integration was told took";
    NFLOG_GOSSIP Counter Count "alertmanager_nflog_gossip_messages_propagated_total" "Notification records passed on by gossip; always 0, Belfry does not gossip";

    DISPATCHER_GROUPS Gauge Count "alertmanager_dispatcher_aggregation_groups" "Groups that hold alerts";
    DISPATCHER_PROCESSING_DURATION Summary Seconds "alertmanager_dispatcher_alert_processing_duration_seconds" "How long assigning alerts to their groups took";
    DISPATCHER_GROUP_LIMIT_REACHED Counter Count "alertmanager_dispatcher_aggregation_group_limit_reached_total" "Alerts refused because there were too many groups";
    DISPATCHER_CREATION_RETRIES Counter Count "alertmanager_dispatcher_aggregation_group_creation_retries_total" "Attempts at making a group that had to be repeated";
    DISPATCHER_CREATION_GIVEN_UP Counter Count "alertmanager_dispatcher_aggregation_group_creation_given_up_total" "Groups that could not be made";

    CONFIG_HASH Gauge Count "alertmanager_config_hash" "Hash of the configuration in force";
    CONFIG_RELOAD_SUCCESSFUL Gauge Count "alertmanager_config_last_reload_successful" "Whether the last attempt to load the configuration succeeded";
    CONFIG_RELOAD_TIMESTAMP Gauge Seconds "alertmanager_config_last_reload_success_timestamp_seconds" "When the configuration was last loaded";
    RECEIVERS Gauge Count "alertmanager_receivers" "Receivers the routes name";
    INTEGRATIONS Gauge Count "alertmanager_integrations" "Integrations of those receivers";
    INHIBITION_RULES Gauge Count "alertmanager_inhibition_rules" "Inhibition rules";

    HTTP_DURATION Histogram Seconds "alertmanager_http_request_duration_seconds" "How long requests took, by handler, method and status code";
    HTTP_RESPONSE_SIZE Histogram Bytes "alertmanager_http_response_size_bytes" "Size of answers, by handler and method";
    HTTP_IN_FLIGHT Gauge Count "alertmanager_http_requests_in_flight" "Requests being answered, by method";
    HTTP_LIMIT_EXCEEDED Counter Count "alertmanager_http_concurrency_limit_exceeded_total" "Requests refused because too many were being answered, by method";

    CLUSTER_ENABLED Gauge Count "alertmanager_cluster_enabled" "Whether several instances work together";
    CLUSTER_MEMBERS Gauge Count "alertmanager_cluster_members" "Instances that work together, including this one";
    CLUSTER_FAILED_PEERS Gauge Count "alertmanager_cluster_failed_peers" "Instances that stopped answering";
    CLUSTER_HEALTH_SCORE Gauge Count "alertmanager_cluster_health_score" "0 when this instance is healthy; grows as it is not";
    CLUSTER_PEER_INFO Gauge Count "alertmanager_cluster_peer_info" "Always 1, by peer";
    CLUSTER_MESSAGES_RECEIVED Counter Count "alertmanager_cluster_messages_received_total" "Messages received from other instances, by type";
    CLUSTER_MESSAGES_RECEIVED_SIZE Counter Bytes "alertmanager_cluster_messages_received_size_total" "Bytes of messages received from other instances, by type";
    CLUSTER_MESSAGES_SENT Counter Count "alertmanager_cluster_messages_sent_total" "Messages sent to other instances, by type";
    CLUSTER_MESSAGES_SENT_SIZE Counter Bytes "alertmanager_cluster_messages_sent_size_total" "Bytes of messages sent to other instances, by type";
    CLUSTER_MESSAGES_QUEUED Gauge Count "alertmanager_cluster_messages_queued" "Messages waiting to be sent to other instances";
    CLUSTER_MESSAGES_PRUNED Counter Count "alertmanager_cluster_messages_pruned_total" "Messages dropped from the queue to other instances";
    CLUSTER_PEERS_JOINED Counter Count "alertmanager_cluster_peers_joined_total" "Instances that joined";
    CLUSTER_PEERS_LEFT Counter Count "alertmanager_cluster_peers_left_total" "Instances that left";
    CLUSTER_PEERS_UPDATE Counter Count "alertmanager_cluster_peers_update_total" "Instances whose description changed";
    CLUSTER_RECONNECTIONS Counter Count "alertmanager_cluster_reconnections_total" "Reconnections to other instances";
    CLUSTER_RECONNECTIONS_FAILED Counter Count "alertmanager_cluster_reconnections_failed_total" "Reconnections to other instances that failed";
    PEER_POSITION Gauge Count "alertmanager_peer_position" "This instance's place among those that work together";

    BUILD_INFO Gauge Count "alertmanager_build_info" "Always 1; its labels say what runs";

    PROCESS_CPU Counter Seconds "process_cpu_seconds_total" "User and system CPU time spent";
    PROCESS_RESIDENT_MEMORY Gauge Bytes "process_resident_memory_bytes" "Resident memory";
    PROCESS_VIRTUAL_MEMORY Gauge Bytes "process_virtual_memory_bytes" "Virtual memory";
    PROCESS_OPEN_FDS Gauge Count "process_open_fds" "Open file descriptors";
    PROCESS_MAX_FDS Gauge Count "process_max_fds" "Most file descriptors the process may open";
    PROCESS_START_TIME Gauge Seconds "process_start_time_seconds" "When the process started, as Unix time";

    BELFRY_BUILD_INFO Gauge Count "belfry_build_info" "Always 1; its labels say which Belfry runs";
    BELFRY_MODE Gauge Count "belfry_mode" "1 for the mode this instance works in, 0 for the others";
    BELFRY_MODE_CHANGES Counter Count "belfry_mode_changes_total" "Times this instance went on alone, or came back to shared state";
    BELFRY_REDIS_FAILURES Counter Count "belfry_redis_failures_total" "Requests that Redis did not answer, or refused";
    BELFRY_REDIS_COMMANDS Counter Count "belfry_redis_commands_total" "Commands for Redis, by command or script; also those that could not be sent";
    BELFRY_REDIS_COMMAND_ERRORS Counter Count "belfry_redis_command_errors_total" "Commands that Redis did not answer, or answered with an error";
    BELFRY_REDIS_ROUND_TRIP_DURATION Histogram Seconds "belfry_redis_round_trip_duration_seconds" "How long Redis took to answer what was sent together";
    BELFRY_REDIS_DATA_LOSS Counter Count "belfry_redis_data_loss_total" "Shards in Redis that were found to have lost data";
    BELFRY_AUDIT_REPAIRED Counter Count "belfry_audit_repaired_total" "Groups that had members and no place in a queue; must stay 0";
    BELFRY_MIRROR_REREADS Counter Count "belfry_mirror_rereads_total" "Groups that were read anew because the copy in memory differed";
    BELFRY_MIRROR_LAG Gauge Seconds "belfry_mirror_lag_seconds" "For how long the oldest change that was not read here has been there; 0 when all are";
    BELFRY_CLOCK_OFFSET Gauge Seconds "belfry_clock_offset_seconds" "By how much the clock of Redis, and this instance's own, is ahead of the time instances agree on";
    BELFRY_JOURNAL_COMMITS Counter Count "belfry_journal_commits_total" "Commits of the journal";
    BELFRY_JOURNAL_RECORDS Counter Count "belfry_journal_records_total" "Records written to the journal";
    BELFRY_JOURNAL_WRITTEN Counter Bytes "belfry_journal_written_bytes_total" "Bytes written to the journal";
    BELFRY_JOURNAL_ERRORS Counter Count "belfry_journal_errors_total" "Commits of the journal that failed";
    BELFRY_JOURNAL_SIZE Gauge Bytes "belfry_journal_size_bytes" "Size of the journal's live rows";
    BELFRY_JOURNAL_COMMIT_DURATION Histogram Seconds "belfry_journal_commit_duration_seconds" "How long commits of the journal took";
    BELFRY_JOURNAL_COMPACTIONS Counter Count "belfry_journal_compactions_total" "Compactions of the journal that finished";
    BELFRY_FLUSH_DURATION Histogram Seconds "belfry_flush_duration_seconds" "How long flushes of groups took, sends included";
    BELFRY_FLUSH_LATENESS Histogram Seconds "belfry_flush_lateness_seconds" "How late after their tick flushes began";
    BELFRY_FLUSHES Counter Count "belfry_flushes_total" "Flushes of groups";
    BELFRY_GATE_REJECTED Counter Count "belfry_gate_rejected_total" "Messages held back because too little was left of the group's lease";
    BELFRY_REFRESHES_COALESCED Counter Count "belfry_refreshes_coalesced_total" "Refreshes of unchanged alerts that needed no write";
    BELFRY_GROUPS Gauge Count "belfry_groups" "Groups held in memory";
    BELFRY_ALERTS Gauge Count "belfry_alerts" "Alerts held in memory, resolved ones included";
    BELFRY_INTERNED_LABELS Gauge Count "belfry_interned_labels" "Distinct label pairs held in memory";
    BELFRY_TENANTS Gauge Count "belfry_tenants" "Tenants with a configuration";
    BELFRY_TASK_PANICS Counter Count "belfry_task_panics_total" "Panics that background tasks ended in";
    BELFRY_MIGRATION_ENTRIES Counter Count "belfry_migration_entries_total" "What an Alertmanager left in the storage path, by kind and what became of it";
    BELFRY_INBOX_MESSAGES Counter Count "belfry_inbox_messages_total" "Messages the inbox took in";
}

impl Spec {
    /// The name a counter is registered under: the encoder adds `_total` itself.
    pub(super) fn registered_name(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            Kind::Gauge | Kind::Histogram | Kind::Summary => self.name,
        }
    }
}
