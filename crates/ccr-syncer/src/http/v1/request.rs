//! Reading requests: strict bodies, and the job that a path names.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{Uri, header},
    response::Response,
};
use ccr_engine::Code;
use ccr_store::JobRow;
use serde::de::DeserializeOwned;

use super::problem::{Early, Problem};
use crate::http::{
    Api,
    request::{BodyError, read_body},
};

/// A JSON body in which everything is as declared. Its content type does not matter.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Response<Body>;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Self::Rejection> {
        use axum::response::IntoResponse;
        let bytes = match read_body(request.into_body()).await {
            Ok(bytes) => bytes,
            Err(BodyError { status, why }) => {
                return Err(Problem::new(status, Code::INVALID_REQUEST, why, "").into_response());
            }
        };
        parse(&bytes).map(Self).map_err(IntoResponse::into_response)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let hint = "GET /api/v1/openapi.json has the schema";
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Problem::bad_request("the request body is empty: a JSON object is expected", hint));
    }
    // A list would be taken for the fields in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Problem::bad_request("the request body is a list: a JSON object is expected", hint));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { "the request body".to_owned() } else { format!("field {path}") };
        Problem::bad_request(format!("{place}: {}", without_values(&error.into_inner())), hint)
    })?;
    reader.end().map_err(|error| Problem::bad_request(format!("the request body: {error}"), hint))?;
    Ok(value)
}

/// What is wrong, without what was found: that may be a password.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let found = ["invalid type: ", "invalid value: ", "invalid length "].iter().any(|head| text.starts_with(head));
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if found => format!("expected {expected}"),
        _ => text,
    }
}

/// The row of a job that belongs to this syncer.
pub(super) async fn owned(api: &Api, name: &str, uri: &Uri) -> Result<JobRow, Early> {
    let row = api.manager.env().store.job(name).await?;
    let row = row.ok_or_else(|| not_found(name))?;
    if *row.owner == *api.manager.env().owner {
        Ok(row)
    } else {
        Err(Early::Elsewhere { owner: row.owner, uri: uri.clone() })
    }
}

pub(super) fn not_found(name: &str) -> Problem {
    Problem::new(
        axum::http::StatusCode::NOT_FOUND,
        Code::JOB_NOT_FOUND,
        format!("there is no job {name}"),
        "GET /api/v1/jobs lists all",
    )
}

/// The path of a job.
pub(super) fn location(name: &str) -> header::HeaderValue {
    let mut path = format!("{}/jobs/", super::PREFIX);
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    // Nothing but letters, digits, `%` and a few marks.
    header::HeaderValue::from_str(&path).unwrap_or(header::HeaderValue::from_static(super::PREFIX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        name: String,
        inner: BTreeMap<String, u16>,
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_without_values() {
        for (body, expected) in [
            ("", "the request body is empty: a JSON object is expected"),
            (" [1]", "the request body is a list"),
            (r#"{"name":"n","inner":{"a":"4711, expected "}}"#, "field inner.a: expected u16"),
            (r#"{"name":4711,"inner":{}}"#, "field name: expected a string"),
            (r#"{"name":"n","inner":{"a":70000}}"#, "field inner.a: expected u16"),
            (r#"{"name":"n"}"#, "missing field `inner`"),
            (r#"{"name":"n","inner":{},"more":1}"#, "unknown field `more`"),
            (r#"{"name":"n","inner":{}} x"#, "the request body: trailing characters"),
            (r#"{"name""#, "EOF"),
        ] {
            let text = serde_json::to_string(&parse::<Outer>(body.as_bytes()).unwrap_err()).unwrap();
            let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
            let message = problem["message"].as_str().unwrap();
            assert!(message.contains(expected), "{body}: {message}");
            assert!(!message.contains("4711"), "{message}");
        }
        assert_eq!(location("a b/ö").to_str().unwrap(), "/api/v1/jobs/a%20b%2F%C3%B6");
    }
}
