//! Logins, the master token, and the list of backends.

use doris::{
    rpc::{
        Backend, FeReply as _, GetBackendMetaRequest, GetBackendMetaResult, GetMasterTokenRequest,
        GetMasterTokenResult, Status, StatusCode,
    },
    secret::Secret,
};

use super::{Caller, FrontendService, ok_status, required};
use crate::model::{Privilege, Privileges, Refusal};

/// Who calls.
pub(super) struct Login<'a> {
    pub(super) user: &'a Option<String>,
    pub(super) password: &'a Option<Secret>,
    pub(super) token: &'a Option<Secret>,
    /// The address that must fit the user's host; `None`: any host's user only.
    pub(super) ip: Option<&'a str>,
}

impl FrontendService {
    /// The login of a method. A token that is not empty switches the check off (seen).
    pub(super) fn check_login(
        &self,
        user: &Option<String>,
        password: &Option<Secret>,
        token: &Option<Secret>,
        ip: Option<&str>,
    ) -> Result<(), Refusal> {
        let (user, password) = (required(user, "user")?, required(password, "passwd")?);
        if token.as_ref().is_some_and(|token| !token.is_empty()) {
            return Ok(());
        }
        self.login(user, password, ip)
    }

    /// As [`Self::check_login`], and whether the user has a privilege on a database or on tables of it.
    pub(super) fn check_access(
        &self,
        login: Login<'_>,
        privilege: Privilege,
        db: &str,
        tables: &[String],
    ) -> Result<(), Refusal> {
        let Login { user, password, token, ip } = login;
        self.check_login(user, password, token, ip)?;
        if token.as_ref().is_some_and(|token| !token.is_empty()) {
            return Ok(());
        }
        let user = user.as_deref().unwrap_or_default();
        let one_of = [Privilege::Admin, privilege];
        let allowed = self.sim.look(|model| {
            let may = |table: Option<&str>| model.may(user, ip, &one_of, Some(db), table);
            if tables.is_empty() { may(None) } else { tables.iter().all(|table| may(Some(table))) }
        });
        if allowed {
            return Ok(());
        }
        let names = Privileges(one_of.into_iter().collect());
        Err(Refusal::analysis(format!(
            "Access denied; you need (at least one of) the (priv predicate: OR, {names}) privilege(s) for this operation"
        )))
    }

    fn login(&self, user: &str, password: &Secret, ip: Option<&str>) -> Result<(), Refusal> {
        if self.sim.look(|model| model.password_fits(user, password, ip)) {
            return Ok(());
        }
        let ip = ip.unwrap_or("null");
        Err(Refusal::analysis(format!("Access denied for user '{user}@{ip}' (using password: YES)")))
    }

    pub(super) fn get_master_token(&self, request: GetMasterTokenRequest, caller: &Caller<'_>) -> GetMasterTokenResult {
        if let Some(status) = self.not_master() {
            return GetMasterTokenResult::refusal(status, None);
        }
        let user = request.user.unwrap_or_else(|| "null".into());
        let password = request.password.unwrap_or_default();
        match self.login(&user, &password, Some(caller.peer)) {
            Ok(()) => {
                let token = self.sim.look(|model| model.token.clone());
                GetMasterTokenResult { status: ok_status(), token: Some(token), master_address: None }
            }
            Err(refusal) => {
                GetMasterTokenResult::refusal(Status::with_text(StatusCode::NOT_AUTHORIZED, refusal.text), None)
            }
        }
    }

    /// Any FE answers; dead backends are listed, too.
    pub(super) fn get_backend_meta(&self, request: GetBackendMetaRequest, caller: &Caller<'_>) -> GetBackendMetaResult {
        self.settle((|| {
            let (user, password) = (required(&request.user, "user")?, required(&request.passwd, "passwd")?);
            self.login(user, password, Some(caller.peer))?;
            let backends: Vec<Backend> = self.sim.look(|model| {
                model
                    .backends
                    .values()
                    .map(|be| Backend {
                        host: be.host.clone(),
                        be_port: be.be_port.into(),
                        http_port: be.http_port.into(),
                        brpc_port: Some(be.brpc_port.into()),
                        is_alive: Some(be.alive),
                        id: Some(be.id.get()),
                    })
                    .collect()
            });
            Ok(GetBackendMetaResult {
                status: Status::new(StatusCode::OK),
                backends: Some(backends),
                master_address: None,
            })
        })())
    }
}
