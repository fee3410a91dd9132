//! A service that writes down what it is asked, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Gives everyone the answer that it was told last, and keeps every head as it came.
pub(crate) struct Recorder {
    addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    answer: watch::Sender<Option<Said>>,
}

/// What it says: the status, header fields with their line ends, and the body.
#[derive(Debug, Clone)]
struct Said(String, String, String);

impl Recorder {
    pub(crate) async fn start(body: &str) -> Self {
        let listener = TcpListener::bind(super::ANY_PORT).await.unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (sender, answer) = watch::channel(None);
        let recorder = Self {
            addr: listener.local_addr().unwrap(),
            heads: Arc::clone(&heads),
            answer: sender,
        };
        recorder.say("200 OK", &[], body);
        actix_web::rt::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let (heads, mut answer) = (Arc::clone(&heads), answer.clone());
                actix_web::rt::spawn(async move {
                    while let Some(head) = read_head(&mut connection).await {
                        let number = {
                            let mut heads = heads.lock().unwrap();
                            heads.push(head);
                            heads.len()
                        };
                        let Ok(Some(said)) = answer
                            .wait_for(Option::is_some)
                            .await
                            .map(|said| said.clone())
                        else {
                            break;
                        };
                        let text = said.text(number);
                        if connection.write_all(text.as_bytes()).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        recorder
    }

    /// Says this from now on. `{n}` in the body is the number of the request, counted from 1.
    pub(crate) fn say(&self, status: &str, headers: &[(&str, &str)], body: &str) {
        let fields = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let said = Said(status.to_owned(), fields.collect(), body.to_owned());
        self.answer.send_replace(Some(said));
    }

    /// Says nothing until it is told what to say.
    pub(crate) fn hold(&self) {
        self.answer.send_replace(None);
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    /// An order service that knows order 1.
    pub(crate) async fn orders() -> Self {
        Self::start(r#"{"id":1,"description":"an order","customerId":56,"lines":[],"total":0}"#)
            .await
    }

    /// A customer service that knows customer 56.
    pub(crate) async fn customers() -> Self {
        Self::start(r#"{"id":56,"name":"Jane Roe","email":"jane@example.com"}"#).await
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Head {
        let heads = self.heads.lock().unwrap();
        assert_eq!(heads.len(), 1, "{heads:?}");
        Head(heads[0].clone())
    }

    /// The latest request.
    pub(crate) fn last(&self) -> Head {
        Head(self.heads.lock().unwrap().last().unwrap().clone())
    }
}

impl Said {
    fn text(&self, number: usize) -> String {
        let Self(status, fields, body) = self;
        let body = body.replace("{n}", &number.to_string());
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
        )
    }
}

/// Reads one head; `None` at the end of the connection.
pub(crate) async fn read_head(connection: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

/// The head of a request, as it came.
#[derive(Debug)]
pub(crate) struct Head(pub(crate) String);

impl Head {
    /// Every header field: its name in lower case, and its value.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let fields = self
            .0
            .trim_end()
            .split("\r\n")
            .skip(1)
            .map(|field| field.split_once(": ").unwrap());
        fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect()
    }

    /// The values of the header `name`.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        self.fields()
            .into_iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value)
            .collect()
    }
}
