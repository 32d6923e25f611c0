//! SHOW FRONTENDS, SHOW BACKENDS.

use super::{
    super::{
        datetime::format_ms,
        reply::Rows,
        session::{Context, VERSION},
    },
    cell,
};
use crate::model::FrontendRole;

pub(in crate::exec) fn frontends(context: &Context<'_>) -> Rows {
    let model = context.model;
    let rows = model.frontends_by_name().into_iter().map(|(n, fe)| {
        vec![
            cell(&fe.name),
            cell(&fe.host),
            cell(fe.edit_log_port),
            cell(fe.http_port),
            cell(fe.query_port),
            cell(fe.rpc_port),
            cell(-1),
            cell(fe.role.name()),
            cell(model.master == Some(n)),
            cell(model.cluster_id()),
            cell(true),
            cell(fe.known_alive),
            cell(if model.master == Some(n) { model.journal_id() } else { fe.replayed_journal }),
            cell(format_ms(fe.started_ms)),
            cell(format_ms(if fe.known_alive { model.now_ms() } else { fe.last_heartbeat_ms })),
            // Whether it is a member of the group that elects.
            cell(fe.role == FrontendRole::Follower),
            cell(if fe.known_alive { "" } else { "got exception: Connection refused (Connection refused)" }),
            cell(VERSION),
            cell(if n == context.session.fe { "Yes" } else { "No" }),
            fe.live_since_ms.map(format_ms),
        ]
    });
    let columns = [
        "Name",
        "Host",
        "EditLogPort",
        "HttpPort",
        "QueryPort",
        "RpcPort",
        "ArrowFlightSqlPort",
        "Role",
        "IsMaster",
        "ClusterId",
        "Join",
        "Alive",
        "ReplayedJournalId",
        "LastStartTime",
        "LastHeartbeat",
        "IsHelper",
        "ErrMsg",
        "Version",
        "CurrentConnected",
        "LiveSince",
    ];
    Rows::of_texts(&columns, rows.collect())
}

pub(in crate::exec) fn backends(context: &Context<'_>) -> Rows {
    let model = context.model;
    let rows = model.backends.values().map(|be| {
        let heartbeat = format_ms(if be.alive { model.now_ms() } else { be.last_heartbeat_ms });
        vec![
            cell(be.id),
            cell(&be.host),
            cell(be.heartbeat_port),
            cell(be.be_port),
            cell(be.http_port),
            cell(be.brpc_port),
            cell(-1),
            cell(format_ms(be.started_ms)),
            cell(&heartbeat),
            cell(be.alive),
            cell(be.decommissioned),
            cell(be.tablets.len()),
            cell("0.000 "),
            cell("0.000 "),
            cell("2.000 TB"),
            cell("4.000 TB"),
            cell("50.00 %"),
            cell("50.00 %"),
            cell("0.000 "),
            cell("{\"location\" : \"default\"}"),
            cell(&be.error),
            cell(VERSION),
            cell(format!(
                "{{\"lastSuccessReportTabletsTime\":\"{heartbeat}\",\"lastStreamLoadTime\":-1,\"isQueryDisabled\":false,\
                 \"isLoadDisabled\":false,\"isActive\":true,\"isShutdown\":false,\"currentFragmentNum\":0,\
                 \"lastFragmentUpdateTime\":0}}"
            )),
            cell(be.heartbeat_failures),
            cell("mix"),
            cell(2),
            cell("8.00 GB"),
            cell(format_ms(be.started_ms)),
            cell(0),
        ]
    });
    let columns = [
        "BackendId",
        "Host",
        "HeartbeatPort",
        "BePort",
        "HttpPort",
        "BrpcPort",
        "ArrowFlightSqlPort",
        "LastStartTime",
        "LastHeartbeat",
        "Alive",
        "SystemDecommissioned",
        "TabletNum",
        "DataUsedCapacity",
        "TrashUsedCapacity",
        "AvailCapacity",
        "TotalCapacity",
        "UsedPct",
        "MaxDiskUsedPct",
        "RemoteUsedCapacity",
        "Tag",
        "ErrMsg",
        "Version",
        "Status",
        "HeartbeatFailureCounter",
        "NodeRole",
        "CpuCores",
        "Memory",
        "LiveSince",
        "RunningTasks",
    ];
    Rows::of_texts(&columns, rows.collect())
}
