//! Which statements a frontend cannot answer without the master, and what it says when there is none.
//!
//! All frontends share one model, so forwarding itself has no other effect.

use crate::{
    Session,
    model::{Answer, Frontend, MasterView, Model, Refusal},
    sql::{Statement, statement::Show},
};

/// Refuses a statement that must be forwarded while there is nobody to forward it to (texts seen while a master was
/// killed and another elected).
pub(super) fn check(model: &Model, session: &Session, statement: &Statement) -> Answer<()> {
    if answered_alone(statement) {
        return Ok(());
    }
    match model.master_seen_by(session.fe) {
        MasterView::Itself | MasterView::Other(_) => Ok(()),
        // Whoever asks the dead one itself is a test of the model.
        MasterView::Dead { master, .. } if master == session.fe => Ok(()),
        MasterView::Dead { master, first } => {
            let cause = if first { "Connection reset" } else { "Broken pipe" };
            let (host, port) = model.frontends.get(master).map_or(("", 0), |fe| (fe.host.as_str(), fe.rpc_port));
            Err(Refusal::plain(
                2,
                format!(
                    "ForwardToMasterException, msg: forward to master FE TNetworkAddress(hostname:{host}, port:{port}), statement \
                     id: {} : failed, cause: Unknown exception, java.net.SocketException: {cause}",
                    session.connection_id
                ),
            ))
        }
        // A cluster without frontends, as tests of the model have it.
        MasterView::Gone { .. } if model.frontends.is_empty() => Ok(()),
        MasterView::Gone { .. } => Err(Refusal::plain(2, "Exception, msg: Failed to get master client.")),
        MasterView::Becoming => {
            let describe = |fe: &Frontend| {
                let (name, role) = (&fe.name, fe.role.name());
                format!("name: {name}, role: {role}, {}:{}, is alive: {}", fe.host, fe.edit_log_port, fe.known_alive)
            };
            let frontends: Vec<String> = model.frontends_by_name().into_iter().map(|(_, fe)| describe(fe)).collect();
            Err(Refusal::plain(
                2,
                format!(
                    "Exception, msg: Node catalog is not ready, please wait for a while. To master progress: start daemon \
                     threads.\nFrontends: \n{}",
                    frontends.join("\n")
                ),
            ))
        }
        MasterView::NotReady(next) => {
            let host = model.frontends.get(next).map_or("", |fe| fe.host.as_str());
            Err(Refusal::analysis(format!(
                "The statement has been forwarded to master FE({host}) and failed to execute because Master FE is not ready. \
                 You may need to check FE's status"
            )))
        }
    }
}

/// Statements that every frontend answers from its own state.
fn answered_alone(statement: &Statement) -> bool {
    match statement {
        Statement::Empty
        | Statement::Use(_)
        | Statement::Set(_)
        | Statement::Kill(_)
        | Statement::Query(_)
        | Statement::Describe { .. } => true,
        Statement::Show(show) => matches!(
            show,
            Show::Databases(_)
                | Show::Tables { .. }
                | Show::TableStatus { .. }
                | Show::TableId(_)
                | Show::CreateDatabase(_)
                | Show::CreateTable(_)
                | Show::CreateView(_)
                | Show::CreateMaterializedView(_)
                | Show::Partitions { .. }
                | Show::Columns { .. }
                | Show::Index { .. }
                | Show::Variables(_)
                | Show::Nothing(_)
        ),
        _ => false,
    }
}
