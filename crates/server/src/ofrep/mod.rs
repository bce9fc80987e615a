//! OFREP 0.3, the OpenFeature Remote Evaluation Protocol: `POST /ofrep/v1/evaluate/flags` evaluates all
//! flags, and `POST /ofrep/v1/evaluate/flags/{key}` one.
//!
//! Most requests are evaluations, so they have a fast path: [`serve`](crate::serve()) puts a
//! [layer](fast_path::FastPath) in front of the router, which parses bodies in place and writes responses as
//! bytes. Limits, errors, spans, metrics and panics are handled by the same code as for all other routes.
//! Mounted in an application, the router has the same routes.

pub(crate) mod error;
pub(crate) mod etag;
pub(crate) mod evaluate;
pub(crate) mod events;
pub(crate) mod fast_path;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod routes;
pub(crate) mod telemetry;
