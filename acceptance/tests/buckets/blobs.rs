//! The objects of a bucket in memory, for the servers that speak Google's and Azure's interfaces: written on conditions,
//! and listed in pages.

use crate::desk::{Answer, Asked, decoded};
use crate::server::now;
use bytes::Bytes;
use meshform_store::Timestamp;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Mutex;

/// How much a page of a list holds: little, so that every list has several.
const PAGE: usize = 2;

/// The bucket, or container, that is there.
pub(crate) const BUCKET: &str = "meshes";

#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) bytes: Bytes,
    /// Another with every write.
    pub(crate) generation: u64,
    pub(crate) modified: Timestamp,
}

/// All objects, and what is answered instead.
#[derive(Default)]
pub(crate) struct Blobs {
    held: Mutex<BTreeMap<String, Blob>>,
    generations: Mutex<u64>,
    /// Requests whose method and path contain this are answered so.
    fault: Mutex<Option<(String, Answer)>>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    Blob(String, Blob),
    /// All that begins so, up to the delimiter.
    Prefix(String),
}

/// What is to be listed.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: &'a str,
    /// Names after this one.
    pub(crate) after: Option<&'a str>,
    /// Names from this one on.
    pub(crate) from: Option<&'a str>,
}

impl Blob {
    pub(crate) fn etag(&self) -> String {
        format!("\"0x{:X}\"", self.generation)
    }
}

impl Blobs {
    pub(crate) fn get(&self, name: &str) -> Option<Blob> {
        self.held.lock().unwrap().get(name).cloned()
    }

    /// Writes it, unless `may` says no of what is there.
    pub(crate) fn put(&self, name: &str, bytes: Bytes, may: impl Fn(Option<&Blob>) -> bool) -> Option<Blob> {
        let mut held = self.held.lock().unwrap();
        if !may(held.get(name)) {
            return None;
        }
        let mut generations = self.generations.lock().unwrap();
        *generations += 1;
        let blob = Blob {
            bytes,
            generation: 1_700_000_000_000_000 + *generations,
            modified: now(),
        };
        held.insert(name.to_owned(), blob.clone());
        Some(blob)
    }

    pub(crate) fn delete(&self, name: &str) -> bool {
        self.held.lock().unwrap().remove(name).is_some()
    }

    /// A page of names in their order, and with which name the next begins.
    pub(crate) fn page(&self, wanted: &Wanted<'_>) -> (Vec<Item>, Option<String>) {
        let held = self.held.lock().unwrap();
        let start = match (wanted.from, wanted.after) {
            (Some(from), _) => Bound::Included(from),
            (None, Some(after)) => Bound::Excluded(after),
            (None, None) => Bound::Unbounded,
        };
        let mut items: Vec<Item> = Vec::new();
        for (name, blob) in held.range::<str, _>((start, Bound::Unbounded)) {
            let Some(rest) = name.strip_prefix(wanted.prefix) else {
                continue;
            };
            let cut = match wanted.delimiter {
                "" => None,
                delimiter => rest.split_once(delimiter),
            };
            let item = match cut {
                Some((folder, _)) => Item::Prefix(format!("{}{folder}{}", wanted.prefix, wanted.delimiter)),
                None => Item::Blob(name.clone(), blob.clone()),
            };
            if let (Item::Prefix(now), Some(Item::Prefix(last))) = (&item, items.last())
                && now == last
            {
                continue;
            }
            if items.len() == PAGE {
                return (items, Some(name.clone()));
            }
            items.push(item);
        }
        (items, None)
    }

    /// From now on requests whose method and path contain `part` are answered so; or no more.
    pub(crate) fn fail(&self, fault: Option<(&str, Answer)>) {
        *self.fault.lock().unwrap() = fault.map(|(part, answer)| (part.to_owned(), answer));
    }

    pub(crate) fn fault(&self, asked: &Asked) -> Option<Answer> {
        let fault = self.fault.lock().unwrap();
        let (part, answer) = fault.as_ref()?;
        // Google's clients send the slashes of a name encoded.
        let line = format!("{} {}", asked.method, decoded(&asked.path));
        line.contains(part).then(|| answer.clone())
    }
}

/// A time as HTTP has it: `Sun, 29 Nov 2026 02:08:03 GMT`.
pub(crate) fn http_date(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let text = time.to_string();
    let month: usize = text[5..7].parse().unwrap();
    let days = usize::try_from(time.0.div_euclid(86_400_000)).unwrap();
    format!(
        "{}, {} {} {} {} GMT",
        DAYS[days % 7],
        &text[8..10],
        MONTHS[month - 1],
        &text[..4],
        &text[11..19]
    )
}

pub(crate) fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A refusal in XML, as both services give it.
pub(crate) fn refused(status: u16, code: &str, message: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Answer::new(status, text).with("content-type", "application/xml")
}
