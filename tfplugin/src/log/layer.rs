//! The `tracing` layer that writes hclog's JSON lines.

use std::fmt::{self, Debug};
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Levels;
use crate::value::json::write_string;

/// Terraform cuts longer lines into pieces that it cannot read as JSON.
const MAX_LINE: usize = 60 * 1024;

type Write = dyn Fn(&str) + Send + Sync;

/// Writes events as Terraform reads them, with the fields of the spans around them.
pub struct HclogLayer {
    levels: Levels,
    write: Box<Write>,
}

/// Key and JSON text of the fields of a span.
#[derive(Default, Clone)]
struct Fields(Vec<(String, String)>);

impl HclogLayer {
    pub(crate) fn new(levels: Levels) -> Self {
        // Nobody can be told when standard error is closed.
        Self::to(
            levels,
            Box::new(|line| drop(std::io::stderr().lock().write_all(line.as_bytes()))),
        )
    }

    fn to(levels: Levels, write: Box<Write>) -> Self {
        Self { levels, write }
    }

    /// A layer for programs that build their own subscriber, with the levels of Terraform's environment.
    #[allow(clippy::disallowed_methods)] // the one place that reads it for them
    pub fn from_env(provider_name: &str) -> Self {
        Self::new(Levels::read(provider_name, |name| std::env::var(name).ok()))
    }
}

impl Debug for HclogLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HclogLayer")
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}

impl<S: Subscriber + for<'l> LookupSpan<'l>> Layer<S> for HclogLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _cx: Context<'_, S>) -> bool {
        // Spans carry the fields of the events inside them, whatever their own level.
        metadata.is_span() || *metadata.level() <= self.levels.of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.max())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own);
        let mut all = Fields::default();
        for span in cx
            .event_scope(event)
            .into_iter()
            .flat_map(|scope| scope.from_root())
        {
            if let Some(fields) = span.extensions().get::<Fields>() {
                fields
                    .0
                    .iter()
                    .for_each(|(key, value)| all.put(key, value.clone()));
            }
        }
        let mut message = "\"\"".to_owned();
        for (key, value) in own.0 {
            if key == "message" {
                message = value
            } else {
                all.put(&key, value)
            }
        }
        let line = line(
            *event.metadata().level(),
            event.metadata().target(),
            message,
            &all.0,
        );
        (self.write)(&line);
    }
}

fn line(level: Level, module: &str, message: String, fields: &[(String, String)]) -> String {
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let message = if message.len() > MAX_LINE {
        "\"(message too long)\"".to_owned()
    } else {
        message
    };
    let time = timestamp(SystemTime::now());
    let mut out =
        format!("{{\"@level\":\"{level}\",\"@message\":{message},\"@timestamp\":\"{time}\",\"@module\":");
    write_string(module, &mut out);
    for (key, value) in fields {
        if out.len() + key.len() + value.len() > MAX_LINE {
            continue;
        }
        out.push(',');
        write_string(key, &mut out);
        out.push(':');
        out.push_str(value);
    }
    out.push_str("}\n");
    out
}

/// Terraform parses exactly this form, with six decimals.
fn timestamp(time: SystemTime) -> impl fmt::Display {
    // What lies before 1970 has no form.
    humantime::format_rfc3339_micros(time.max(UNIX_EPOCH))
}

impl Fields {
    fn put(&mut self, key: &str, json: String) {
        match self.0.iter_mut().find(|(existing, _)| existing == key) {
            Some((_, value)) => *value = json,
            None => self.0.push((key.to_owned(), json)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let mut json = String::new();
        write_string(value, &mut json);
        self.put(field.name(), json);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.to_string());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::value::json;
    use std::time::Duration;

    #[test]
    fn an_event_is_a_line_of_json_with_the_fields_of_its_spans() {
        let lines = Arc::new(Mutex::new(Vec::<String>::new()));
        let sink = Arc::clone(&lines);
        let levels = Levels::read("x", |name| (name == "TF_LOG").then(|| "info".into()));
        let layer = HclogLayer::to(
            levels,
            Box::new(move |line| sink.lock().unwrap().push(line.into())),
        );
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!("call", tf_rpc = "ReadResource", n = 1);
            let _guard = span.enter();
            tracing::info!(size = 3, quote = "a\"b\n", "hello {}", "you");
            tracing::debug!("not asked for");
            tracing::error!("{}", "x".repeat(100_000));
        });
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 2);
        let first = json::parse(lines[0].as_bytes()).unwrap();
        assert_eq!(first.str("@level"), Some("info"));
        assert_eq!(first.str("@message"), Some("hello you"));
        assert_eq!(first.str("tf_rpc"), Some("ReadResource"));
        assert_eq!(first.get("size").as_i64(), Some(3));
        assert_eq!(first.str("quote"), Some("a\"b\n"));
        assert!(
            lines
                .iter()
                .all(|line| line.len() < 64 * 1024 && json::parse(line.as_bytes()).is_ok())
        );
    }

    #[test]
    fn timestamps_have_terraforms_form() {
        for (seconds, micros, shown) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, 5, "2000-02-29T00:00:00.000005Z"),
            (1_795_478_399, 999_999, "2026-11-23T23:59:59.999999Z"),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, micros * 1_000);
            assert_eq!(timestamp(time).to_string(), shown);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(timestamp(before).to_string(), "1970-01-01T00:00:00.000000Z");
    }
}
