use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, future};
use serde_json::{Map, Value};

use crate::ai::{AiError, AiErrorKind, AiProvider, ChatDelta, ChatRequest, ChatStream};
use crate::platform::ModelId;

/// Where a model's questions go.
#[derive(Clone, Debug)]
pub struct Route {
    provider: Arc<dyn AiProvider>,
    upstream_model: Option<ModelId>,
    parameters: Arc<Map<String, Value>>,
}

impl Route {
    /// To `provider`, which knows the model by the same name.
    pub fn new(provider: Arc<dyn AiProvider>) -> Self {
        Self { provider, upstream_model: None, parameters: Arc::default() }
    }

    /// The same, where the provider knows the model by this name.
    pub fn upstream_model(mut self, name: impl Into<ModelId>) -> Self {
        self.upstream_model = Some(name.into());
        self
    }

    /// The same with further fields in each request; those that a request has itself win.
    pub fn parameters(mut self, parameters: Map<String, Value>) -> Self {
        self.parameters = Arc::new(parameters);
        self
    }

    fn prepare(&self, request: &mut ChatRequest) {
        if let Some(name) = &self.upstream_model {
            request.model = name.clone();
        }
        if request.parameters.is_empty() {
            request.parameters = Arc::clone(&self.parameters);
        } else if !self.parameters.is_empty() {
            let mut parameters = Map::clone(&self.parameters);
            parameters.extend(Map::clone(&request.parameters));
            request.parameters = Arc::new(parameters);
        }
    }
}

/// Takes each model's questions to its upstream. A model that it does not know is a failure of the kind
/// [`UnknownModel`](AiErrorKind::UnknownModel).
///
/// Upstreams tell models by their own names; what comes out of here are the names of routes, and others are left out.
#[derive(Clone, Debug, Default)]
pub struct Router {
    routes: HashMap<ModelId, Route>,
    otherwise: Option<Arc<dyn AiProvider>>,
    ids: Arc<HashMap<ModelId, Option<ModelId>>>,
}

impl Router {
    /// A router that knows no model yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a route for `model`, in place of one that there was.
    pub fn route(mut self, model: impl Into<ModelId>, route: Route) -> Self {
        self.routes.insert(model.into(), route);
        self.ids = Arc::new(self.ids());
        self
    }

    /// The same, with this provider for all models that have no route.
    pub fn otherwise(mut self, provider: Arc<dyn AiProvider>) -> Self {
        self.otherwise = Some(provider);
        self
    }

    /// Which model an upstream means by a name: `None` where that could be several.
    fn ids(&self) -> HashMap<ModelId, Option<ModelId>> {
        let mut ids: HashMap<ModelId, Option<ModelId>> = HashMap::with_capacity(2 * self.routes.len());
        for (id, route) in &self.routes {
            let name = route.upstream_model.as_ref().unwrap_or(id);
            ids.entry(name.clone()).and_modify(|known| *known = None).or_insert_with(|| Some(id.clone()));
        }
        ids.extend(self.routes.keys().map(|id| (id.clone(), Some(id.clone()))));
        ids
    }
}

#[async_trait]
impl AiProvider for Router {
    fn name(&self) -> &'static str {
        "router"
    }

    async fn stream(&self, mut request: ChatRequest) -> Result<ChatStream, AiError> {
        let provider = match (self.routes.get(&request.model), &self.otherwise) {
            (Some(route), _) => {
                route.prepare(&mut request);
                &route.provider
            }
            (None, Some(provider)) => provider,
            (None, None) => {
                let source = format!("there is no route for {:?}", request.model.as_str());
                return Err(AiError::new(AiErrorKind::UnknownModel).with_source(source));
            }
        };
        let name: Arc<str> = provider.name().into();
        let deltas = provider.stream(request).await.map_err(|failure| failure.at(Arc::clone(&name)))?;
        let ids = Arc::clone(&self.ids);
        let told = deltas.filter_map(move |delta| {
            future::ready(match delta {
                Ok(ChatDelta::Model(model)) => {
                    ids.get(&model).cloned().flatten().map(|model| Ok(ChatDelta::Model(model)))
                }
                Ok(delta) => Some(Ok(delta)),
                Err(failure) => Some(Err(failure.at(Arc::clone(&name)))),
            })
        });
        Ok(Box::pin(told))
    }
}
