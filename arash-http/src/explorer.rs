//! The page on which the API can be tried. All of it is in the page: it works without the internet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use poem::http::header;
use poem::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The page, and what browsers may do with it.
#[derive(Clone, Debug)]
pub(crate) struct Explorer {
    page: String,
    policy: String,
}

impl Explorer {
    /// Swagger UI as poem-openapi writes it, `page`, with `document` in place of the one in it, `plain`. Keys that are
    /// entered stay entered when the page is loaded anew.
    pub(crate) fn new(page: &str, plain: &str, document: &str) -> Self {
        let page = page.replacen(plain, document, 1);
        let page = match page.rsplit_once("deepLinking: true,") {
            Some((before, after)) => format!("{before}deepLinking: true,\n        persistAuthorization: true,{after}"),
            None => page,
        };
        let page = format!("<!doctype html>{page}");
        // Only the scripts that stand in the page run. Swagger UI sets styles as it goes, and its icons are data.
        let policy = format!(
            "default-src 'none'; script-src{}; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            scripts(&page).map(source).collect::<String>(),
        );
        Self { page, policy }
    }

    /// The page as an answer.
    pub(crate) fn answer(&self) -> Response {
        poem::web::Html(self.page.clone()).with_header(header::CONTENT_SECURITY_POLICY, &self.policy).into_response()
    }
}

/// The texts of all scripts of a page.
fn scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("</script>").filter_map(|part| {
        let (_, tag) = part.split_once("<script")?;
        tag.split_once('>').map(|(_, script)| script)
    })
}

/// What names a script by its digest, as browsers take it.
fn source(script: &str) -> String {
    format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}
