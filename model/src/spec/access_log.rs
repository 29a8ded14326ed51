//! Access logs.

use serde::{Deserialize, Serialize};

/// What a proxy writes down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logging {
    /// A line per request or connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLog>,
}

/// Where access is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccessLog {
    /// In a file.
    File(FileAccessLog),
}

/// A file of access lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FileAccessLog {
    /// Its path; `/dev/stdout` for standard output.
    pub path: String,
    /// How a line looks; absent: as Envoy writes by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<LoggingFormat>,
}

/// How a line looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LoggingFormat {
    /// A JSON object with these fields.
    Json(Vec<JsonFormatRef>),
    /// A text with Envoy's command operators.
    Text(String),
}

/// A field of a JSON access line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonFormatRef {
    /// The field's name.
    pub key: String,
    /// What it holds: a text with Envoy's command operators.
    pub value: String,
}
