//! What the `OpenAPI` document shows of `/graphql` is what is answered.

use mock_services::fault::Fault;
use serde_json::{Value, json};

use super::{JSON, RESPONSE, send, target};
use crate::helpers::spawn_app;
use crate::openapi::examples_of;

#[actix_web::test]
async fn each_refusal_that_is_shown_is_given() {
    let app = spawn_app().await;
    let mutation = target(&[("query", "mutation { __typename }")]);
    let preflight = ("GraphQL-Preflight", "1");
    let given = [
        send(&app, "POST", "/graphql", &[JSON, RESPONSE], "{}").await,
        send(&app, "POST", "/graphql", &[JSON, RESPONSE], "1").await,
        send(&app, "GET", "/graphql", &[], "").await,
        send(&app, "GET", &mutation, &[preflight], "").await,
        send(
            &app,
            "POST",
            "/graphql",
            &[JSON, ("Accept", "text/html")],
            "{}",
        )
        .await,
        send(&app, "POST", "/graphql", &[], "{}").await,
    ];

    for operation in ["get /graphql", "post /graphql"] {
        let mut shown = examples_of(operation);
        // What the edge refuses is a problem, as everywhere.
        shown.retain(|(status, _), body| !status.starts_with('2') && body["errors"][0].is_object());
        assert_eq!(shown.len(), given.len());
        for answer in &given {
            let body = answer.json();
            let code = body["errors"][0]["extensions"]["code"]
                .as_str()
                .unwrap()
                .to_owned();
            assert_eq!(shown[&(answer.status.to_string(), code)], body);
        }
    }
}

#[actix_web::test]
async fn the_request_that_is_shown_has_the_answer_that_is_shown() {
    let app = spawn_app().await;
    let document: Value = serde_json::from_str(include_str!("../../../openapi.json")).unwrap();
    let content =
        &document["paths"]["/graphql"]["post"]["requestBody"]["content"]["application/json"];
    let request = &content["examples"]["graphqlRequest"]["value"];

    let posted = send(&app, "POST", "/graphql", &[JSON], &request.to_string()).await;
    let variables = request["variables"].to_string();
    let query = target(&[
        ("query", request["query"].as_str().unwrap()),
        ("variables", &variables),
    ]);
    let got = send(&app, "GET", &query, &[("GraphQL-Preflight", "1")], "").await;

    for (operation, answer) in [("post /graphql", posted), ("get /graphql", got)] {
        let shown = examples_of(operation);
        assert_eq!(
            shown[&("200".to_owned(), "graphql".to_owned())],
            answer.json()
        );
        assert_eq!(answer.json()["errors"], json!(null));
    }
}

#[actix_web::test]
async fn the_answer_in_the_documentation_is_real() {
    let documentation = include_str!("../../../../docs/graphql.md");
    let app = spawn_app().await;
    app.customers.faults().set(vec![Fault::status(503)]);
    let command = documentation.lines().find(|line| line.contains(" -d "));
    let body = command.unwrap().split_once(" -d ").unwrap().1;

    let answer = send(&app, "POST", "/graphql", &[JSON], body.trim_matches('\'')).await;

    assert!(documentation.contains(&answer.body), "{}", answer.body);
}
