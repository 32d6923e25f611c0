//! The Go program's routes: where they are and, for people and clients, what they take and give. One table for the router and
//! for the document.

use axum::{
    Router,
    routing::{MethodRouter, any},
};
use serde_json::{Map, Value, json};

use super::{
    Api, create_ccr, delete, desync, failpoint, features, force_fullsync, get_lag, job_detail, job_progress,
    job_skip_binlog, job_status, list_jobs, metrics, node_info, pause, resume, update_host_mapping, update_job,
    version, view,
};

/// One route. Every method is accepted.
struct Route {
    path: &'static str,
    handler: fn() -> MethodRouter<Api>,
    summary: &'static str,
    /// Keys of the JSON object in the body; none: the body is not looked at.
    takes: &'static [Field],
    gives: Gives,
    /// Whether a syncer that does not own the job redirects.
    redirects: bool,
}

/// A key, the JSON type of its value, and what it means.
struct Field(&'static str, &'static str, &'static str);

enum Gives {
    /// Keys beside `success` and `error_msg`.
    Json(&'static [Field]),
    /// Another kind of answer.
    Other(&'static str),
}

const NAME: Field = Field("name", "string", "Name of the job");
const SPEC: &str = "host, port, thrift_port (strings), user, password, database, table (empty on both sides: the whole database), \
     host_mapping (private host to public address)";

const ROUTES: &[Route] = &[
    Route {
        path: "/version",
        handler: || any(version::handle),
        summary: "The version; the one answer without success",
        takes: &[],
        gives: Gives::Json(&[Field("version", "string", "The version")]),
        redirects: false,
    },
    Route {
        path: "/create_ccr",
        handler: || any(create_ccr::handle),
        summary: "Checks both clusters, creates a job and starts it; 400 where the body cannot be read",
        takes: &[
            NAME,
            Field("src", "object", SPEC),
            Field("dest", "object", SPEC),
            Field("allow_table_exists", "boolean", "The destination table may exist; the copy takes its place"),
            Field("reuse_binlog_label", "boolean", "Use the source's transaction labels at the destination"),
            Field("skip_error", "boolean", "Accepted, without effect"),
        ],
        gives: Gives::Json(&[]),
        redirects: false,
    },
    Route {
        path: "/get_lag",
        handler: || any(get_lag::handle),
        summary: "How far a job is behind; any syncer answers",
        takes: &[NAME],
        gives: Gives::Json(&[
            Field("lag", "integer", "Records after the job's position"),
            Field("first_commit_seq", "integer", "Oldest record that the source keeps"),
            Field("last_commit_seq", "integer", "Newest record"),
            Field("first_binlog_timestamp", "string", "Local time of the syncer"),
            Field("last_binlog_timestamp", "string", "Local time of the syncer"),
            Field("time_interval", "integer", "Seconds from the first to the last"),
            Field("time_interval_secs", "integer", "Seconds from the next to the last: the delay"),
            Field("next_commit_seq", "integer", "The first record that is not done; 0 when caught up"),
            Field("next_binlog_timestamp", "string", "Local time of the syncer"),
        ]),
        redirects: false,
    },
    Route {
        path: "/pause",
        handler: || any(pause::handle),
        summary: "Stops the work of a job",
        takes: &[NAME],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/resume",
        handler: || any(resume::handle),
        summary: "Has a paused or halted job go on",
        takes: &[NAME],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/delete",
        handler: || any(delete::handle),
        summary: "Ends a job and removes it; the destination's tables stay",
        takes: &[NAME],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/list_jobs",
        handler: || any(list_jobs::handle),
        summary: "All jobs of the deployment",
        takes: &[],
        gives: Gives::Json(&[Field("jobs", "array", "Names; absent where there are none")]),
        redirects: false,
    },
    Route {
        path: "/job_status",
        handler: || any(job_status::handle),
        summary: "What a job does at this instant",
        takes: &[NAME],
        gives: Gives::Json(&[
            Field(
                "status",
                "object",
                "name, state (running or paused), progress_state, commit_seq; error, attempt, next_retry_at_ms where there is something to say",
            ),
            Field("name", "string", "As in status"),
            Field("state", "string", "As in status"),
            Field("progress_state", "string", "As in status"),
            Field("error", "string", "As in status"),
        ]),
        redirects: true,
    },
    Route {
        path: "/job_detail",
        handler: || any(job_detail::handle),
        summary: "The stored job document, passwords hidden",
        takes: &[NAME],
        gives: Gives::Json(&[Field("job_detail", "object", "The document; null with an error")]),
        redirects: true,
    },
    Route {
        path: "/job_progress",
        handler: || any(job_progress::handle),
        summary: "The stored progress document, without its data",
        takes: &[NAME],
        gives: Gives::Json(&[Field(
            "job_progress",
            "object",
            "The document; where a record keeps the job from going on, commit_seq and last_commit_seq are that record's",
        )]),
        redirects: true,
    },
    Route {
        path: "/job_skip_binlog",
        handler: || any(job_skip_binlog::handle),
        summary: "Has a record skipped, or a copy made in its place; done once, at the job's next safe point",
        takes: &[
            NAME,
            Field("skip_by", "string", "silence, fullsync or partialsync"),
            Field("skip_commit_seq", "integer", "For silence: the record, last_commit_seq of /job_progress"),
            Field("skip_table", "string", "For partialsync: name of the table on the source"),
            Field("skip_table_id", "integer", "For partialsync: its id on the source"),
        ],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/force_fullsync",
        handler: || any(force_fullsync::handle),
        summary: "Has everything copied anew",
        takes: &[NAME],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/update_host_mapping",
        handler: || any(update_host_mapping::handle),
        summary: "Changes the host mapping; effective without a restart",
        takes: &[
            NAME,
            Field("src_host_mapping", "object", "Private host to public address; an empty address takes the host out"),
            Field("dest_host_mapping", "object", "The same for the destination"),
        ],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/add_host_mapping",
        handler: || any(update_host_mapping::handle),
        summary: "Another name of /update_host_mapping",
        takes: &[
            NAME,
            Field("src_host_mapping", "object", "Private host to public address; an empty address takes the host out"),
            Field("dest_host_mapping", "object", "The same for the destination"),
        ],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/desync",
        handler: || any(desync::desync),
        summary: "Hands the destination's tables back to their cluster (is_being_synced = false)",
        takes: &[NAME],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/sync",
        handler: || any(desync::sync),
        summary: "Takes the destination's tables again (is_being_synced = true)",
        takes: &[NAME],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/update_job",
        handler: || any(update_job::handle),
        summary: "For clients of 2024; skip_error true is refused",
        takes: &[NAME, Field("skip_error", "boolean", "Only false is accepted")],
        gives: Gives::Json(&[]),
        redirects: true,
    },
    Route {
        path: "/features",
        handler: || any(features::handle),
        summary: "The feature flags, as they are set",
        takes: &[],
        gives: Gives::Json(&[Field("flags", "array", "Objects with feature, value (boolean) and default (string)")]),
        redirects: false,
    },
    Route {
        path: "/failpoint",
        handler: || any(failpoint::handle),
        summary: "Makes a job fail, for tests",
        takes: &[
            NAME,
            Field(
                "failpoint",
                "string",
                "handle_binlog_failed, handle_binlog_idempotent:before or :after (value: a type of binlog records); empty: all failpoints are off",
            ),
            Field("value", "string", "Anything sets it; absent or null takes it back"),
        ],
        gives: Gives::Json(&[]),
        redirects: false,
    },
    Route {
        path: "/view",
        handler: || any(view::handle),
        summary: "All jobs in one table; ?type=html, table or raw",
        takes: &[],
        gives: Gives::Other("text/html"),
        redirects: false,
    },
    Route {
        path: "/node_info",
        handler: || any(node_info::node_info),
        summary: "What this process is and how much it does",
        takes: &[],
        gives: Gives::Json(&[
            Field("version", "string", "The version"),
            Field("host", "string", "Of its identity"),
            Field("port", "integer", "Of its identity"),
            Field("uptime_seconds", "integer", "Since it began to serve"),
            Field("config", "object", "db_type"),
            Field("resources", "object", "goroutine_count, memory_used_mb"),
            Field("tasks", "object", "total, running, paused"),
        ]),
        redirects: false,
    },
    Route {
        path: "/invalidate_backends_cache",
        handler: || any(node_info::invalidate_backends_cache),
        summary: "Has one job, or all jobs of this process, read the clusters anew",
        takes: &[Field("name", "string", "Name of the job; absent: all that run here")],
        gives: Gives::Json(&[Field("invalidated_count", "integer", "Jobs that were told")]),
        redirects: true,
    },
    Route {
        path: "/metrics",
        handler: || any(metrics::handle),
        summary: "What Prometheus reads",
        takes: &[],
        gives: Gives::Other("text/plain"),
        redirects: false,
    },
];

/// The routes.
pub(super) fn router() -> Router<Api> {
    ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
}

/// The `paths` of an OpenAPI document.
pub(super) fn paths() -> Map<String, Value> {
    ROUTES.iter().map(|route| (route.path.to_owned(), described(route))).collect()
}

fn described(route: &Route) -> Value {
    let mut responses = Map::new();
    let content = match route.gives {
        Gives::Json(fields) => json!({"application/json": {"schema": reply_schema(route.path, fields)}}),
        Gives::Other(kind) => json!({kind: {"schema": {"type": "string"}}}),
    };
    responses
        .insert("200".to_owned(), json!({"description": "The answer; success tells how it went", "content": content}));
    if route.redirects {
        let header = json!({"Location": {"schema": {"type": "string"}}});
        responses
            .insert("303".to_owned(), json!({"description": "The job belongs to another syncer", "headers": header}));
    }
    let mut operation = json!({
        "tags": ["compatible"],
        "summary": route.summary,
        "operationId": route.path.trim_start_matches('/'),
        "responses": responses,
    });
    if !route.takes.is_empty() {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema(route.takes)}}});
    }
    // GET is for what is only looked at; every other method does the same.
    let method = if route.takes.is_empty() { "get" } else { "post" };
    json!({method: operation})
}

fn schema(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|Field(name, kind, description)| {
            let mut schema = json!({"type": kind, "description": description});
            if *kind == "array" {
                schema["items"] = json!({});
            }
            ((*name).to_owned(), schema)
        })
        .collect();
    json!({"type": "object", "properties": properties})
}

fn reply_schema(path: &str, fields: &[Field]) -> Value {
    let mut schema = schema(fields);
    if path != "/version" {
        schema["properties"]["success"] = json!({"type": "boolean"});
        schema["properties"]["error_msg"] = json!({"type": "string", "description": "Absent where success is true"});
        schema["required"] = json!(["success"]);
    }
    schema
}
