//! The one shape of errors.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, Uri, header},
    response::IntoResponse,
};
use ccr_engine::{Code, Failure};
use ccr_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{reply::json_with, request::elsewhere};

/// Why a request was not carried out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// Names the situation: `CCR-` and four digits.
    #[schema(example = "CCR-1003")]
    code: String,
    /// What is wrong, in one sentence.
    message: String,
    /// What to do; may be empty.
    hint: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status, code: code.to_string(), message: message.into(), hint: hint.into() }
    }

    /// The same with other words.
    pub(super) fn saying(self, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), ..self }
    }

    /// The request cannot be understood.
    pub(super) fn bad_request(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::INVALID_REQUEST, message, hint)
    }
}

/// The status that says of a code whose turn it is: 4xx the client's, 502 a cluster's, 503 the database's.
fn status(code: Code) -> StatusCode {
    match code {
        Code::INVALID_REQUEST => StatusCode::BAD_REQUEST,
        Code::JOB_NOT_FOUND => StatusCode::NOT_FOUND,
        Code::STORE => StatusCode::SERVICE_UNAVAILABLE,
        Code::UNREACHABLE | Code::NO_MASTER | Code::ACCESS_DENIED => StatusCode::BAD_GATEWAY,
        Code::UNANSWERED => StatusCode::GATEWAY_TIMEOUT,
        // What is there stands against it: a job of that name, a document that cannot be read, a table without binlog.
        _ => StatusCode::CONFLICT,
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::new(status(failure.code), failure.code, failure.message, failure.hint)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        json_with(self.status, &self)
    }
}

/// A failure of a job, in a reply about the job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobError {
    #[schema(example = "CCR-2001")]
    code: String,
    message: String,
    hint: String,
}

impl From<Failure> for JobError {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code.to_string(), message: failure.message, hint: failure.hint }
    }
}

/// Why a handler ends early.
#[derive(Debug)]
pub(super) enum Early {
    Problem(Problem),
    /// The job belongs to another syncer.
    Elsewhere {
        owner: String,
        uri: Uri,
    },
}

impl<T: Into<Problem>> From<T> for Early {
    fn from(why: T) -> Self {
        Self::Problem(why.into())
    }
}

impl IntoResponse for Early {
    fn into_response(self) -> Response<Body> {
        let (owner, uri) = match self {
            Self::Problem(problem) => return problem.into_response(),
            Self::Elsewhere { owner, uri } => (owner, uri),
        };
        // Method and body stay what they are.
        match HeaderValue::from_str(&elsewhere(&owner, &uri)) {
            Ok(location) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
                response.headers_mut().insert(header::LOCATION, location);
                response
            }
            Err(_) => Problem::new(
                StatusCode::CONFLICT,
                Code::NOT_OWNER,
                "the owner of this job has a name that cannot be an address",
                "",
            )
            .into_response(),
        }
    }
}
