//! `FrontendService` of one frontend: one complete call in, one complete reply out.

mod account;
mod binlog;
pub(crate) mod http;
mod meta;
mod snapshot;
mod txn;

use std::sync::Arc;

use bytes::Bytes;
use doris::{
    rpc::{self, FeReply, NetworkAddress, Status, StatusCode},
    thrift::{
        Call, MessageKind, Method, ThriftError, Wire, application, decode_args, decode_call, encode_exception,
        encode_reply,
    },
};

use super::faults::{MasterHint, Substitute};
use crate::{
    model::{MasterView, Profile, Refusal},
    sim::Sim,
};

/// One frontend.
#[derive(Clone, Debug)]
pub struct FrontendService {
    sim: Arc<Sim>,
    /// Index into [`crate::Model::frontends`].
    fe: usize,
}

/// What every method needs besides its request.
struct Caller<'a> {
    /// Address of the client.
    peer: &'a str,
}

/// Text of an FE that is not the master.
const NOT_MASTER: &str = "FE is not master";

impl FrontendService {
    pub fn new(sim: Arc<Sim>, fe: usize) -> Self {
        Self { sim, fe }
    }

    /// Answers one call. The reply to something that is no call is an exception; it never fails.
    ///
    /// # Errors
    /// The bytes are no message at all: a server closes the connection.
    pub async fn call(&self, message: Bytes, peer: &str) -> Result<Bytes, ThriftError> {
        let call = decode_call(&message)?;
        let caller = Caller { peer };
        match call.name.as_str() {
            rpc::GetBinlog::NAME => reply::<rpc::GetBinlog>(&call, self.get_binlog(args(&call)?)),
            rpc::GetBinlogLag::NAME => reply::<rpc::GetBinlogLag>(&call, self.get_binlog_lag(args(&call)?)),
            rpc::LockBinlog::NAME if !self.profile().lock_binlog => unknown_method(&call.name, call.seq),
            rpc::LockBinlog::NAME => reply::<rpc::LockBinlog>(&call, self.lock_binlog(args(&call)?, &caller)),
            rpc::BeginTxn::NAME => reply::<rpc::BeginTxn>(&call, self.begin_txn(args(&call)?, &caller)),
            rpc::CommitTxn::NAME => reply::<rpc::CommitTxn>(&call, self.commit_txn(args(&call)?).await),
            rpc::RollbackTxn::NAME => reply::<rpc::RollbackTxn>(&call, self.rollback_txn(args(&call)?)),
            rpc::WaitingTxnStatus::NAME => {
                reply::<rpc::WaitingTxnStatus>(&call, self.waiting_txn_status(args(&call)?).await)
            }
            rpc::GetMasterToken::NAME => {
                reply::<rpc::GetMasterToken>(&call, self.get_master_token(args(&call)?, &caller))
            }
            rpc::GetSnapshot::NAME => reply::<rpc::GetSnapshot>(&call, self.get_snapshot(args(&call)?, &caller)),
            rpc::RestoreSnapshot::NAME => {
                reply::<rpc::RestoreSnapshot>(&call, self.restore_snapshot(args(&call)?, &caller))
            }
            rpc::GetMeta::NAME => reply::<rpc::GetMeta>(&call, self.get_meta(args(&call)?, &caller)),
            rpc::GetBackendMeta::NAME => {
                reply::<rpc::GetBackendMeta>(&call, self.get_backend_meta(args(&call)?, &caller))
            }
            name => unknown_method(name, call.seq),
        }
    }

    /// What the cluster's version can do.
    fn profile(&self) -> Profile {
        self.sim.look(|model| model.profile().clone())
    }

    /// Whether the FE answers at all.
    pub fn is_alive(&self) -> bool {
        self.sim.look(|model| model.frontends.get(self.fe).is_some_and(|fe| fe.alive))
    }

    /// Waits until it does not any more.
    pub(crate) async fn died(&self) {
        self.sim.wait_death(|model| model.frontends.get(self.fe).is_some_and(|fe| fe.alive)).await;
    }

    /// An answer of a fault in place of one's own; `None`: to a method that has no such answer, or to no call at all.
    pub(crate) fn substitute(&self, message: &Bytes, answer: &Substitute) -> Option<Bytes> {
        let call = decode_call(message).ok()?;
        let (status, address) = match answer {
            Substitute::Refusal { status, text } => {
                (Status::with_text(StatusCode(i32::from(*status)), text.clone()), None)
            }
            Substitute::NotMaster(hint) => {
                let address = match hint {
                    MasterHint::Absent => None,
                    MasterHint::Named => Some(self.master_address()),
                    MasterHint::Empty => Some(NetworkAddress::default()),
                };
                (Status::with_text(StatusCode::NOT_MASTER, NOT_MASTER), address)
            }
        };
        fn refuse<M: Method>(call: &Call, status: Status, address: Option<NetworkAddress>) -> Option<Bytes>
        where
            M::Reply: FeReply,
        {
            encode_reply(M::NAME, call.seq, &M::Reply::refusal(status, address)).ok()
        }
        let refuse = match call.name.as_str() {
            rpc::GetBinlog::NAME => refuse::<rpc::GetBinlog>,
            rpc::GetBinlogLag::NAME => refuse::<rpc::GetBinlogLag>,
            rpc::LockBinlog::NAME if self.profile().lock_binlog => refuse::<rpc::LockBinlog>,
            rpc::BeginTxn::NAME => refuse::<rpc::BeginTxn>,
            rpc::CommitTxn::NAME => refuse::<rpc::CommitTxn>,
            rpc::RollbackTxn::NAME => refuse::<rpc::RollbackTxn>,
            rpc::GetMasterToken::NAME => refuse::<rpc::GetMasterToken>,
            rpc::GetSnapshot::NAME => refuse::<rpc::GetSnapshot>,
            rpc::RestoreSnapshot::NAME => refuse::<rpc::RestoreSnapshot>,
            rpc::GetMeta::NAME => refuse::<rpc::GetMeta>,
            rpc::GetBackendMeta::NAME => refuse::<rpc::GetBackendMeta>,
            _ => return None,
        };
        refuse(&call, status, address)
    }

    /// The refusal of an FE that is not the master; `None` on the master.
    fn not_master(&self) -> Option<Status> {
        let view = self.sim.look(|model| model.master_seen_by(self.fe));
        (view != MasterView::Itself).then(|| Status::with_text(StatusCode::NOT_MASTER, NOT_MASTER))
    }

    /// A refusal as a status.
    fn status_of(&self, refusal: Refusal) -> Status {
        let refusal = refusal.told_by(&self.profile());
        Status::with_text(StatusCode(refusal.status), refusal.text)
    }

    /// The reply, or a reply that holds only the refusal.
    fn settle<R: FeReply>(&self, result: Result<R, Refusal>) -> R {
        result.unwrap_or_else(|refusal| R::refusal(self.status_of(refusal), None))
    }

    /// Where this FE takes the master to be, as getBinlog names it: `""` and port 0 on one that is becoming it. A dead one
    /// is named until another one is chosen.
    fn master_address(&self) -> NetworkAddress {
        self.sim.look(|model| {
            let master = match model.master_seen_by(self.fe) {
                MasterView::Itself => Some(self.fe),
                MasterView::Other(index) | MasterView::NotReady(index) => Some(index),
                MasterView::Dead { master, .. } => Some(master),
                MasterView::Gone { former } => former,
                MasterView::Becoming => None,
            };
            let master = master.and_then(|n| model.frontends.get(n));
            master.map_or_else(NetworkAddress::default, |fe| NetworkAddress {
                hostname: fe.host.clone(),
                port: i32::from(fe.rpc_port),
            })
        })
    }
}

/// The request of a call; an absent one is an empty one, whose missing fields are then refused.
fn args<T: Wire + Default>(call: &Call) -> Result<T, ThriftError> {
    Ok(decode_args(call)?.unwrap_or_default())
}

fn reply<M: Method>(call: &Call, reply: M::Reply) -> Result<Bytes, ThriftError> {
    if call.kind != MessageKind::Call {
        return encode_exception(M::NAME, call.seq, application::PROTOCOL_ERROR, "not a call");
    }
    encode_reply(M::NAME, call.seq, &reply)
}

/// What a server of another version answers.
pub(super) fn unknown_method(name: &str, seq: i32) -> Result<Bytes, ThriftError> {
    let text = format!("Invalid method name: '{name}'");
    encode_exception(name, seq, application::UNKNOWN_METHOD, &text)
}

/// A mandatory field: `<name> is not set`.
fn required<'a, T>(field: &'a Option<T>, name: &str) -> Result<&'a T, Refusal> {
    field.as_ref().ok_or_else(|| Refusal::analysis(format!("{name} is not set")))
}

/// A status code of the binlog family: without text.
fn ok_status() -> Option<Status> {
    Some(Status::new(StatusCode::OK))
}
