//! The HTTP port of a frontend: bootstrap, health, configuration, debug points.

use std::collections::BTreeMap;

use bytes::Bytes;
use doris::{net::HttpReply, secret::Secret};
use serde_json::{Value, json};

use super::FrontendService;
use crate::model::MasterView;

/// One request without its body: no path that is served here has one.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path_and_query: &'a str,
    /// User and password of basic authentication.
    pub(crate) login: Option<(String, Secret)>,
}

impl<'a> HttpRequest<'a> {
    /// Without a login.
    pub(crate) fn get(path_and_query: &'a str) -> Self {
        Self { method: "GET", path_and_query, login: None }
    }
}

impl FrontendService {
    /// Answers one request.
    pub(crate) fn http(&self, request: &HttpRequest<'_>) -> HttpReply {
        let (path, query) = request.path_and_query.split_once('?').unwrap_or((request.path_and_query, ""));
        let query: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (decoded(key), decoded(value)))
            .collect();
        match path.trim_end_matches('/') {
            "/api/bootstrap" => self.bootstrap(),
            "/api/health" => self.health(),
            "/api/show_config" | "/rest/v1/config/fe" => self.with_admin(request, |fe| fe.show_config(&query)),
            path => match path.strip_prefix("/api/debug_point/") {
                Some(_) if request.method != "POST" => {
                    reply(405, &json!({"msg": "Method Not Allowed", "code": 405, "data": null, "count": 0}))
                }
                Some(action) => self.with_admin(request, |fe| fe.debug_point(action, query)),
                None => reply(404, &json!({"msg": "not found", "code": 404, "data": null, "count": 0})),
            },
        }
    }

    /// Only root and admin may; in process nobody asks.
    fn with_admin(&self, request: &HttpRequest<'_>, act: impl FnOnce(&Self) -> HttpReply) -> HttpReply {
        let allowed = match &request.login {
            Some((user, password)) => {
                self.sim.look(|model| model.is_admin(user) && model.password_fits(user, password, None))
            }
            None => self.sim.look(|model| model.sql_password("root", None).is_some_and(Secret::is_empty)),
        };
        match allowed {
            true => act(self),
            false => reply(401, &json!({"msg": "Unauthorized", "code": 401, "data": "Access denied", "count": 0})),
        }
    }

    fn bootstrap(&self) -> HttpReply {
        let ready = self.sim.look(|model| match model.master_seen_by(self.fe) {
            MasterView::Itself | MasterView::Other(_) => true,
            MasterView::Dead { .. } | MasterView::Gone { .. } | MasterView::Becoming | MasterView::NotReady(_) => false,
        });
        match ready {
            true => success(&json!({"replayedJournalId": 0, "queryPort": 0, "rpcPort": 0, "version": ""})),
            false => reply(200, &json!({"msg": "Bad request", "code": 403, "data": "not ready", "count": 0})),
        }
    }

    fn health(&self) -> HttpReply {
        let (online, total) =
            self.sim.look(|model| (model.backends.values().filter(|be| be.alive).count(), model.backends.len()));
        success(&json!({"online_backend_num": online, "total_backend_num": total}))
    }

    fn show_config(&self, query: &BTreeMap<String, String>) -> HttpReply {
        let item = query.get("conf_item");
        let config: BTreeMap<String, String> = self.sim.look(|model| {
            let wanted = |key: &String| item.is_none_or(|item| item == key);
            model.config.iter().filter(|(key, _)| wanted(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
        });
        success(&json!(config))
    }

    /// `add/<name>?<parameters>`, `remove/<name>`, `clear`.
    fn debug_point(&self, action: &str, query: BTreeMap<String, String>) -> HttpReply {
        let done = self.sim.with(|model| match action.split_once('/').unwrap_or((action, "")) {
            ("add", name) if !name.is_empty() => model.add_debug_point(&decoded(name), query),
            ("remove", name) if !name.is_empty() => model.remove_debug_point(&decoded(name)),
            ("clear", "") => {
                model.clear_debug_points();
                Ok(())
            }
            _ => Err(crate::model::Refusal::plain(2, "no such action of debug points")),
        });
        match done {
            Ok(()) => success(&Value::Null),
            Err(refusal) => reply(200, &json!({"msg": "Bad request", "code": 403, "data": refusal.text, "count": 0})),
        }
    }
}

fn success(data: &Value) -> HttpReply {
    reply(200, &json!({"msg": "success", "code": 0, "data": data, "count": 0}))
}

fn reply(status: u16, body: &Value) -> HttpReply {
    HttpReply { status, body: Bytes::from(body.to_string().into_bytes()) }
}

/// `%41` is `A`; what is no such escape stays as it is.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        let hex = rest.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                bytes = rest.get(2..).unwrap_or_default();
            }
            None => {
                out.push(if *first == b'+' { b' ' } else { *first });
                bytes = rest;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
