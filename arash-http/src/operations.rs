//! Wraps the operations of poem-openapi: its errors become problems, and every path knows its methods.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use poem::endpoint::{BoxEndpoint, make_sync};
use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, EndpointExt, IntoResponse, Response};
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaApi, Registry};

use crate::problem::Problem;
use crate::traffic::Operation;

/// The methods that poem's router can be asked for.
pub(crate) const METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::CONNECT,
    Method::TRACE,
];

/// Paths of whole areas, which many write with a final slash.
const AREAS: [&str; 2] = ["/api/v1/admin", "/api/v1/team"];

/// Paths whose last part may have slashes itself, encoded or not: it is a name of a model.
const OPEN_ENDED: [&str; 1] = ["/v1/models/:param0"];

/// The endpoints of one path.
pub(crate) type Methods = HashMap<Method, BoxEndpoint<'static>>;

/// Operations that answer every error with a problem.
#[derive(Debug)]
pub(crate) struct WithProblems<T>(pub(crate) T);

impl<T: OpenApi> OpenApi for WithProblems<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, table: &mut HashMap<String, Methods>) {
        let mut plain = HashMap::new();
        self.0.add_routes(&mut plain);
        // In the table the parameters of paths have numbers for names.
        let documented: HashMap<String, String> =
            T::meta().into_iter().flat_map(|api| api.paths).map(|path| (shape(&path.path), path.path)).collect();
        for (path, methods) in plain {
            let counted = |(method, endpoint)| {
                let operation = Operation::new(&method, documented.get(&shape(&path)).unwrap_or(&path));
                (method, counted_as(operation, with_problems(endpoint)))
            };
            let methods = refusing_the_rest(methods.into_iter().map(counted).collect());
            if AREAS.contains(&&*path) {
                let (with_slash, without) = twice(methods);
                table.insert(format!("{path}/"), with_slash);
                table.insert(path, without);
            } else if OPEN_ENDED.contains(&&*path) {
                table.insert(path.replace(':', "*"), methods);
            } else {
                table.insert(path, methods);
            }
        }
    }
}

/// The same endpoints for two paths.
fn twice(methods: Methods) -> (Methods, Methods) {
    let shared = methods.into_iter().map(|(method, endpoint)| (method, Arc::new(endpoint)));
    shared.map(|(method, shared)| ((method.clone(), Arc::clone(&shared).boxed()), (method, shared.boxed()))).unzip()
}

/// A path without the names of its parameters.
fn shape(path: &str) -> String {
    let part = |part: &str| if part.starts_with([':', '{']) { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Marks all answers of an endpoint as those of an operation.
pub(crate) fn counted_as(operation: Arc<Operation>, endpoint: impl Endpoint + 'static) -> BoxEndpoint<'static> {
    let marking = move |endpoint: Arc<_>, request| {
        let operation = Arc::clone(&operation);
        async move {
            let mut answer = Endpoint::get_response(&*endpoint, request).await;
            operation.mark(&mut answer);
            Ok(answer)
        }
    };
    endpoint.around(marking).boxed()
}

/// poem-openapi turns errors into plain text; caught here they still have their type.
fn with_problems(endpoint: BoxEndpoint<'static>) -> BoxEndpoint<'static> {
    endpoint
        .around(|endpoint, request| async move {
            let answer = endpoint.call(request).await;
            Ok(answer.unwrap_or_else(|error| Problem::of(error).into_response()))
        })
        .boxed()
}

/// The same methods, and 405 with `Allow` for all others.
pub(crate) fn refusing_the_rest(mut methods: Methods) -> Methods {
    // poem answers HEAD with what GET answers, without the body.
    let has_get = methods.contains_key(&Method::GET);
    let is_allowed = |method: &Method| methods.contains_key(method) || (has_get && *method == Method::HEAD);
    let (allowed, refused): (Vec<Method>, Vec<Method>) = METHODS.into_iter().partition(|method| is_allowed(method));
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    let allow = HeaderValue::from_str(&names.join(", ")).ok();
    for method in refused {
        let allow = allow.clone();
        let refuse = make_sync(move |_| not_allowed(allow.clone()));
        methods.insert(method, refuse.boxed());
    }
    methods
}

fn not_allowed(allow: Option<HeaderValue>) -> Response {
    let mut response = Problem::of_status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

/// Operations for the OpenAPI document only: there is nothing to call.
pub(crate) struct Described<T>(PhantomData<fn() -> T>);

impl<T> Default for Described<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T> fmt::Debug for Described<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Described")
    }
}

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        T::meta()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _table: &mut HashMap<String, Methods>) {}
}
