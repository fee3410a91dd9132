//! The yardstick for a warm cache: one fixed answer, whatever is asked.
//! Arguments: address to listen on, number of workers, a file with the header fields and the body of the answer.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpResponse, HttpServer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What actix-web writes by itself.
const OWN: [HeaderName; 3] = [header::CONTENT_LENGTH, header::DATE, header::CONNECTION];

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let answer = std::fs::read(&arguments[3])?;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("header fields and an empty line");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let body = Bytes::copy_from_slice(&answer[end + 4..]);
    let app = move || {
        App::new()
            .app_data(Data::new((fields(&head), body.clone())))
            .default_service(web::to(fixed))
    };
    let workers = arguments[2].parse().expect("a number of workers");
    HttpServer::new(app)
        .workers(workers)
        .tcp_nodelay(true)
        .bind(&arguments[1])?
        .run()
        .await
}

async fn fixed(answer: Data<(HeaderMap, Bytes)>) -> HttpResponse {
    let mut response = HttpResponse::Ok().body(answer.1.clone());
    for (name, value) in &answer.0 {
        response.headers_mut().append(name.clone(), value.clone());
    }
    response
}

fn fields(head: &str) -> HeaderMap {
    let fields = head.split("\r\n").filter_map(|line| line.split_once(": "));
    let fields = fields.map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    });
    fields.filter(|(name, _)| !OWN.contains(name)).collect()
}
