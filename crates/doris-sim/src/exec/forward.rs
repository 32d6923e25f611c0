//! Which statements a frontend cannot answer without the master, and what it says when there is none.
//!
//! All frontends share one model, so forwarding itself has no other effect.

use crate::{
    Session,
    model::{Answer, Model, Refusal},
    sql::{Statement, statement::Show},
};

/// Refuses a statement that must be forwarded while there is nobody to forward it to (texts seen while a master was
/// killed and another elected).
pub(super) fn check(model: &Model, session: &Session, statement: &Statement) -> Answer<()> {
    if answered_alone(statement) {
        return Ok(());
    }
    let Some(master) = model.master else {
        return Err(Refusal::plain(2, "Exception, msg: Failed to get master client."));
    };
    match model.frontends.get(master) {
        Some(fe) if fe.alive || master == session.fe => Ok(()),
        Some(fe) => Err(Refusal::plain(
            2,
            format!(
                "ForwardToMasterException, msg: forward to master FE TNetworkAddress(hostname:{}, port:{}), statement id: {} : \
                 failed, cause: Unknown exception, java.net.SocketException: Connection reset",
                fe.host, fe.rpc_port, session.connection_id
            ),
        )),
        // A cluster without frontends, as tests of the model have it.
        None => Ok(()),
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
                | Show::Partitions { .. }
                | Show::Columns { .. }
                | Show::Index { .. }
                | Show::Variables(_)
                | Show::Nothing(_)
        ),
        _ => false,
    }
}
