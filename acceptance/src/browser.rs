//! A Chromium, driven by its DevTools protocol over a pipe: pages opened, keys and pointer moved as by a person, and
//! everything that a page complains about.
//!
//! The protocol is JSON with a zero byte after each message. It goes through the process's own pipes, so there is no port
//! that somebody else could find, and no socket protocol to speak.

#![allow(
    clippy::indexing_slicing,
    reason = "of JSON values: what is not there is null, and a pointer would say the same at more length"
)]

use serde_json::{Value as Json, json};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long anything may take: a busy machine is slow, and a browser that hangs must not hang the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser; it is ended when this is dropped.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    pipe: ChildStdin,
    told: Receiver<Json>,
    next: u64,
}

/// One page of a browser, as a tab is.
#[derive(Debug)]
pub struct Tab<'b> {
    browser: &'b mut Browser,
    session: String,
    /// What the page has complained about: console messages, exceptions, violations of its policy, answers that failed.
    complaints: Vec<String>,
    loaded: bool,
}

/// A control as a screen reader is told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Control {
    pub role: String,
    pub name: String,
}

fn failed(what: impl std::fmt::Display) -> io::Error {
    io::Error::other(what.to_string())
}

impl Browser {
    /// Starts `program` with a profile of its own in the folder `profile`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(program: &Path, profile: &Path) -> io::Result<Self> {
        // The browser reads commands from file 3 and answers to file 4.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2";
        let mut process = Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (pipe, out) = (process.stdin.take(), process.stdout.take());
        let (Some(pipe), Some(out)) = (pipe, out) else {
            return Err(failed("a process without pipes"));
        };
        let (tell, told) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut bytes = Vec::new();
            while matches!(out.read_until(0, &mut bytes), Ok(read) if read > 0) {
                bytes.pop();
                let message = serde_json::from_slice(&bytes);
                if message.is_ok_and(|message| tell.send(message).is_err()) {
                    return;
                }
                bytes.clear();
            }
        });
        Ok(Self {
            process,
            pipe,
            told,
            next: 0,
        })
    }

    /// A new page of this size, in light or dark.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn tab(&mut self, width: u32, height: u32, is_dark: bool) -> io::Result<Tab<'_>> {
        let mut ignored = Vec::new();
        let target = self.call(
            None,
            "Target.createTarget",
            &json!({"url": "about:blank"}),
            &mut ignored,
        )?;
        let to = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", &to, &mut ignored)?;
        let mut tab = Tab {
            session: session["sessionId"].as_str().unwrap_or_default().to_owned(),
            browser: self,
            complaints: Vec::new(),
            loaded: false,
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            tab.call(&format!("{domain}.enable"), &json!({}))?;
        }
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        tab.call("Emulation.setDeviceMetricsOverride", &size)?;
        let scheme = if is_dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        tab.call("Emulation.setEmulatedMedia", &media)?;
        Ok(tab)
    }

    /// A command, and its answer. What is told meanwhile goes to `events`.
    fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: &Json,
        events: &mut Vec<Json>,
    ) -> io::Result<Json> {
        self.next += 1;
        let id = self.next;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if let Some((session, command)) = session.zip(command.as_object_mut()) {
            command.insert("sessionId".to_owned(), session.into());
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.pipe.write_all(&bytes)?;
        let until = Instant::now() + PATIENCE;
        loop {
            let message = self.message(until, method)?;
            if message["id"] != id {
                events.push(message);
            } else if let Some(error) = message.get("error") {
                return Err(failed(format!("{method}: {error}")));
            } else {
                return Ok(message["result"].clone());
            }
        }
    }

    fn message(&self, until: Instant, what: &str) -> io::Result<Json> {
        let left = until.saturating_duration_since(Instant::now());
        self.told.recv_timeout(left).map_err(|error| match error {
            RecvTimeoutError::Timeout => failed(format!("the browser does not answer: {what}")),
            RecvTimeoutError::Disconnected => failed(format!("the browser has ended: {what}")),
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It is asked first, so that its helpers end with it.
        let _ = self.call(None, "Browser.close", &json!({}), &mut Vec::new());
        let until = Instant::now() + Duration::from_secs(5);
        while matches!(self.process.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Tab<'_> {
    /// A command of the protocol for this page.
    ///
    /// # Errors
    /// When the browser refuses it or does not answer.
    pub fn call(&mut self, method: &str, parameters: &Json) -> io::Result<Json> {
        let mut events = Vec::new();
        let answer = self
            .browser
            .call(Some(&self.session), method, parameters, &mut events);
        for event in &events {
            self.hear(event);
        }
        answer
    }

    fn hear(&mut self, event: &Json) {
        if event["sessionId"] != self.session.as_str() {
            return;
        }
        let told = &event["params"];
        let complaint = match event["method"].as_str().unwrap_or_default() {
            "Page.loadEventFired" => {
                self.loaded = true;
                None
            }
            "Runtime.consoleAPICalled" => Some(format!("console: {}", told["args"])),
            "Runtime.exceptionThrown" => Some(format!("exception: {}", told["exceptionDetails"])),
            "Log.entryAdded" => Some(format!("log: {}", told["entry"])),
            "Network.loadingFailed" if told["canceled"] != true => Some(format!("not loaded: {told}")),
            _ => None,
        };
        self.complaints.extend(complaint);
    }

    /// What the page complained about since this was last asked.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Opens a page and waits until it is loaded, and its scripts have run.
    ///
    /// # Errors
    /// When it is not loaded in a minute.
    pub fn open(&mut self, url: &str) -> io::Result<()> {
        self.loaded = false;
        let opened = self.call("Page.navigate", &json!({"url": url}))?;
        if let Some(error) = opened["errorText"].as_str() {
            return Err(failed(format!("{url}: {error}")));
        }
        self.arrive()
    }

    /// Does what leads to another page, and waits until that is loaded.
    ///
    /// # Errors
    /// When no page is loaded in a minute.
    pub fn leave(&mut self, work: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.loaded = false;
        work(self)?;
        self.arrive()
    }

    fn arrive(&mut self) -> io::Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.loaded {
            let event = self.browser.message(until, "a page is loaded")?;
            self.hear(&event);
        }
        // A frame later all that loading led to is drawn.
        let frame = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))";
        self.value(frame).map(drop)
    }

    /// What an expression of the page's script is.
    ///
    /// # Errors
    /// When it throws.
    pub fn value(&mut self, expression: &str) -> io::Result<Json> {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &asked)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(failed(format!("{expression}: {thrown}"))),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Presses and lets go a key, by the name that `KeyboardEvent.key` has for it.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn key(&mut self, key: &str) -> io::Result<()> {
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let mut down = json!({"type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": code});
        let text = match key {
            "Enter" => Some("\r"),
            one if one.chars().count() == 1 => Some(one),
            _ => None,
        };
        if let Some((text, fields)) = text.zip(down.as_object_mut()) {
            fields.insert("type".to_owned(), "keyDown".into());
            fields.insert("text".to_owned(), text.into());
        }
        self.call("Input.dispatchKeyEvent", &down)?;
        let up = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", &up).map(drop)
    }

    /// Types a text where the focus is.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn text(&mut self, text: &str) -> io::Result<()> {
        text.chars().try_for_each(|one| self.key(&one.to_string()))
    }

    /// Presses the pointer at one place, moves it in steps to another, and lets go. The same place is a click.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn drag(&mut self, from: (f64, f64), to: (f64, f64)) -> io::Result<()> {
        let event = |kind: &str, (x, y): (f64, f64)| {
            let buttons = u8::from(kind != "mouseReleased");
            json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1})
        };
        self.call("Input.dispatchMouseEvent", &event("mousePressed", from))?;
        if from != to {
            for step in 1..=5 {
                let part = f64::from(step) / 5.0;
                let at = (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
                self.call("Input.dispatchMouseEvent", &event("mouseMoved", at))?;
            }
        }
        self.call("Input.dispatchMouseEvent", &event("mouseReleased", to))
            .map(drop)
    }

    /// Turns the wheel over a place.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn wheel(&mut self, at: (f64, f64), by: f64, with_control: bool) -> io::Result<()> {
        let (x, y) = at;
        let modifiers = if with_control { 2 } else { 0 };
        let event =
            json!({"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": by, "modifiers": modifiers});
        self.call("Input.dispatchMouseEvent", &event).map(drop)
    }

    /// What a screen reader is told of: everything that has a role, with its name.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn controls(&mut self) -> io::Result<Vec<Control>> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}))?;
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let text = |node: &Json, field: &str| node[field]["value"].as_str().unwrap_or_default().to_owned();
        let told = nodes.iter().filter(|node| node["ignored"] != true);
        Ok(told
            .map(|node| Control {
                role: text(node, "role"),
                name: text(node, "name"),
            })
            .collect())
    }

    /// The page as a PNG, in base64; all of it, or what is to be seen without scrolling.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub fn screenshot(&mut self, is_whole: bool) -> io::Result<String> {
        let asked = json!({"format": "png", "captureBeyondViewport": is_whole});
        let shot = self.call("Page.captureScreenshot", &asked)?;
        Ok(shot["data"].as_str().unwrap_or_default().to_owned())
    }
}
