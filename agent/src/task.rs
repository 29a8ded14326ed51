//! The ECS task that this is a container of, where it is one.

use crate::http::Request;
use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::env;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    #[serde(default)]
    docker_id: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    known_status: String,
}

fn metadata() -> Option<String> {
    env::var("ECS_CONTAINER_METADATA_URI_V4")
        .ok()
        .filter(|uri| !uri.is_empty())
}

/// The task's id, which is in the metadata's address: `http://169.254.170.2/v4/TASK-CONTAINER`.
pub(crate) fn instance() -> Option<String> {
    let uri = metadata()?;
    let last = uri.trim_end_matches('/').rsplit('/').next()?;
    let task = last.split('-').next()?;
    (task.len() == 32 && task.bytes().all(|b| b.is_ascii_hexdigit())).then(|| task.to_owned())
}

/// Whether all other containers of the task have stopped. Outside a task nobody knows, and connections alone decide.
pub(crate) async fn application_has_ended() -> bool {
    let Some(uri) = metadata() else {
        return true;
    };
    let asked = async {
        // The address itself tells of this container. Its last part is the container's id on Fargate, but not on EC2.
        let own: Container = ask(&uri).await?;
        let task: Task = ask(&format!("{uri}/task")).await?;
        Ok::<_, String>((own, task))
    };
    // Without an answer it may still run: the stop timeout decides.
    asked.await.is_ok_and(|(own, task)| {
        let others = task
            .containers
            .iter()
            .filter(|one| one.r#type == "NORMAL" && one.docker_id != own.docker_id);
        others.into_iter().all(|one| one.known_status == "STOPPED")
    })
}

async fn ask<T: DeserializeOwned>(uri: &str) -> Result<T, String> {
    let answer = Request::new(Method::GET, uri)?.send().await?;
    serde_json::from_slice(&answer.body).map_err(|error| error.to_string())
}
