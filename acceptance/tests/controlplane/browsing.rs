//! The console as a person meets it: in a browser, with pointer, keys and a screen reader.

use crate::console::{MESH, apply};
use crate::keys::{key, meshform};
use crate::server::Server;
use meshform_acceptance::browser::{Browser, Control, Tab};
use meshform_acceptance::tools;
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Names of markup, in right-to-left letters, and as long as they may be, all of which a mesh may have.
fn hostile() -> String {
    let long = "long-".repeat(51);
    let names = [
        "<script>document.title='ran'",
        "\"><img src=x onerror=document.title='ran'>",
        "]]>'\u{5d0}\u{5d1}\u{5d2}",
        "<svg onload=document.title='ran'>",
        &long,
    ];
    let mut all = vec![json!({"meshName": "m", "spec": {}})];
    for name in names {
        // A host name has no blank.
        let service = name.replace(' ', "-");
        let backends = json!([{"virtualService": {"virtualServiceName": service}}]);
        let listeners = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
        let discovery = json!({"dns": {"hostname": "a.local"}});
        let spec = json!({"listeners": listeners, "serviceDiscovery": discovery, "backends": backends});
        all.push(json!({"meshName": "m", "virtualNodeName": name, "spec": spec, "tags": [{"key": "k", "value": name}]}));
        all.push(json!({"meshName": "m", "virtualRouterName": name, "spec": {"listeners": listeners}}));
        let targets = json!([{"virtualNode": name, "weight": 1}]);
        let header =
            json!([{"name": "x-a", "match": {"exact": name.replace(['\u{5d0}', '\u{5d1}', '\u{5d2}'], "")}}]);
        let route =
            json!({"match": {"prefix": "/", "headers": header}, "action": {"weightedTargets": targets}});
        all.push(json!({"meshName": "m", "virtualRouterName": name, "routeName": name, "spec": {"httpRoute": route}}));
        let provider = json!({"virtualRouter": {"virtualRouterName": name}});
        all.push(json!({"meshName": "m", "virtualServiceName": service, "spec": {"provider": provider}}));
    }
    Json::from(all).to_string()
}

/// Every page of a mesh, by its path.
const PAGES: [&str; 10] = [
    "",
    "/picture",
    "/proxies",
    "/proxies/virtualNode/web",
    "/releases",
    "/resources",
    "/resources/virtualNode/api",
    "/route",
    "/route?node=web&host=api.local:8080",
    "/certificates",
];

fn browser(dir: &Path) -> Browser {
    Browser::start(&tools::chromium(), &dir.join("profile")).unwrap()
}

fn number(tab: &mut Tab<'_>, expression: &str) -> f64 {
    tab.value(expression).unwrap().as_f64().unwrap()
}

fn text(tab: &mut Tab<'_>, expression: &str) -> String {
    tab.value(expression)
        .unwrap()
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Where the middle of an element is.
fn middle(tab: &mut Tab<'_>, selector: &str) -> (f64, f64) {
    let bounds = format!("document.querySelector({selector:?}).getBoundingClientRect()");
    let x = number(tab, &format!("{bounds}.x + {bounds}.width / 2"));
    (x, number(tab, &format!("{bounds}.y + {bounds}.height / 2")))
}

/// What part of the picture is to be seen: left, top, width, height.
fn seen(tab: &mut Tab<'_>) -> [f64; 4] {
    let text = text(tab, "document.getElementById('picture').getAttribute('viewBox')");
    let numbers: Vec<f64> = text.split(' ').map(|part| part.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

/// Presses Tab until the focus is on what a selector finds.
fn tab_to(tab: &mut Tab<'_>, selector: &str) {
    let is_there = format!("document.activeElement.matches({selector:?})");
    for _ in 0..120 {
        tab.key("Tab").unwrap();
        if tab.value(&is_there).unwrap() == true {
            return;
        }
    }
    panic!("Tab never comes to {selector}");
}

/// Nothing is said of it but by its place: a control without a name is one that a screen reader cannot tell.
fn nameless(controls: &[Control]) -> Vec<&Control> {
    let needs = [
        "link",
        "button",
        "textbox",
        "searchbox",
        "combobox",
        "spinbutton",
        "meter",
    ];
    let needs = |one: &&Control| needs.contains(&one.role.as_str()) && one.name.trim().is_empty();
    controls.iter().filter(needs).collect()
}

#[test]
fn every_page_is_quiet_fits_and_has_names_for_its_controls() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    apply(dir, MESH);
    apply(dir, &MESH.replace("\"port\": 8080", "\"port\": 8081"));
    apply(dir, MESH);
    let server = Server::start(&dir.join("store"), &[]);
    let mut browser = browser(dir);
    for (width, is_dark) in [(1280, false), (390, true)] {
        let mut tab = browser.tab(width, 800, is_dark).unwrap();
        tab.open(&format!("{}/console/m/m/releases", server.url()))
            .unwrap();
        let release = text(&mut tab, "document.querySelector('.timeline a.code').href");
        tab.open(&release).unwrap();
        let over =
            "document.querySelector('.scroll').scrollWidth - document.querySelector('.scroll').clientWidth";
        assert_eq!(
            number(&mut tab, over),
            0.0,
            "a release at {width} has columns beyond the edge"
        );
        for path in PAGES {
            let at = format!("{path} at {width}");
            tab.open(&format!("{}/console/m/m{path}", server.url())).unwrap();
            assert_eq!(tab.complaints(), [""; 0], "{at}");
            let wide = number(&mut tab, "document.scrollingElement.scrollWidth");
            assert!(wide <= f64::from(width), "{at} is {wide} wide");
            let controls = tab.controls().unwrap();
            assert!(nameless(&controls).is_empty(), "{at}: {:?}", nameless(&controls));
            for role in ["banner", "main", "navigation", "heading"] {
                assert!(
                    controls.iter().any(|one| one.role == role),
                    "{at}: no {role}: {controls:?}"
                );
            }
            assert_eq!(
                number(&mut tab, "document.querySelectorAll('h1').length"),
                1.0,
                "{at}"
            );
            let has_picture = ["", "/picture"].contains(&path) || path.starts_with("/route?");
            let card = controls
                .iter()
                .find(|one| one.role == "link" && one.name.contains("node api · http 8080"));
            assert_eq!(card.is_some(), has_picture, "{at}: {controls:?}");
        }
        // That what a page does wrong is noticed.
        tab.value(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'void 0'}))",
        )
        .unwrap();
        tab.value("document.body.append(document.createElement('button'))")
            .unwrap();
        let complaints = tab.complaints();
        assert!(
            complaints
                .iter()
                .any(|one| one.contains("Content Security Policy")),
            "{complaints:?}"
        );
        assert_eq!(nameless(&tab.controls().unwrap()).len(), 1);
    }
}

/// A page may fit and its table not: what is longer than its place is then beyond the right edge of a box that scrolls.
#[test]
fn static_ways_show_all_of_their_columns() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    let listeners = json!([{"portMapping": {"port": 8080, "protocol": "http"}}]);
    let node = json!({"listeners": listeners, "serviceDiscovery": {"dns": {"hostname": "a.local"}}});
    let mut mesh = vec![
        json!({"meshName": "m", "spec": {}}),
        json!({"meshName": "m", "virtualNodeName": "of-a-longer-name-1", "spec": node}),
        json!({"meshName": "m", "virtualNodeName": "of-a-longer-name-2", "spec": node}),
        json!({"meshName": "m", "virtualGatewayName": "edge", "spec": {"listeners": listeners}}),
    ];
    // The router `idle` is called by nobody, so that its page says at length why it has no example.
    for name in ["called", "idle"] {
        let targets = json!([{"virtualNode": "of-a-longer-name-1", "weight": 50}, {"virtualNode": "of-a-longer-name-2", "weight": 50}]);
        let route = json!({"match": {"prefix": "/"}, "action": {"weightedTargets": targets}});
        let provider = json!({"virtualRouter": {"virtualRouterName": name}});
        mesh.push(json!({"meshName": "m", "virtualRouterName": name, "spec": {"listeners": listeners}}));
        mesh.push(json!({"meshName": "m", "virtualRouterName": name, "routeName": "all", "spec": {"httpRoute": route}}));
        mesh.push(json!({"meshName": "m", "virtualServiceName": format!("{name}.local"), "spec": {"provider": provider}}));
    }
    let target = json!({"target": {"virtualService": {"virtualServiceName": "called.local"}}});
    let route = json!({"match": {"prefix": "/"}, "action": target});
    mesh.push(json!({"meshName": "m", "virtualGatewayName": "edge", "gatewayRouteName": "all", "spec": {"httpRoute": route}}));
    std::fs::write(dir.join("mesh.json"), Json::from(mesh).to_string()).unwrap();
    meshform(dir, &["console", "mesh.json", "--out", "pages"]);
    let mut browser = browser(dir);
    for width in [1280, 390] {
        let mut tab = browser.tab(width, 800, false).unwrap();
        tab.open(&format!("file://{}/pages/m/m/route/index.html", dir.display()))
            .unwrap();
        assert!(
            text(&mut tab, "document.body.textContent").contains("nothing calls this router"),
            "{width}"
        );
        for box_ in [".scroll", ".command"] {
            let over = format!(
                "document.querySelector('{box_}').scrollWidth - document.querySelector('{box_}').clientWidth"
            );
            assert_eq!(number(&mut tab, &over), 0.0, "{box_} at {width}");
        }
    }
}

#[test]
fn names_of_markup_run_nothing() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    let written = |program: &mut Command| {
        let output = program.current_dir(dir).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    };
    apply(dir, &hostile());
    written(Command::new(tools::meshform()).args(["console", "mesh.json", "--out", "pages", "-q"]));
    let graph = written(Command::new(tools::meshform()).args(["graph", "mesh.json", "--format", "html"]));
    std::fs::write(dir.join("pages/graph.html"), graph).unwrap();
    let server = Server::start(&dir.join("store"), &[]);
    let names = [
        "%3Cscript%3Edocument.title=%27ran%27",
        "%3Csvg%20onload=document.title=%27ran%27%3E",
    ];
    let served = ["", "/picture", "/proxies", "/resources", "/releases", "/route"].map(str::to_owned);
    let of_names = names.iter().flat_map(|name| {
        [
            "proxies/virtualNode",
            "resources/virtualRouter",
            "resources/virtualNode",
        ]
        .map(|page| format!("/{page}/{name}"))
    });
    let served = served
        .into_iter()
        .chain(of_names)
        .map(|path| format!("{}/console/m/m{path}", server.url()));
    let files = [
        "index",
        "m/m/index",
        "m/m/resources/index",
        "m/m/proxies/index",
        "m/m/route/index",
        "graph",
    ];
    let files = files.map(|page| format!("file://{}/pages/{page}.html", dir.display()));
    let urls: Vec<String> = served.chain(files).collect();
    let mut browser = browser(dir);
    for width in [1280, 390] {
        let mut tab = browser.tab(width, 800, false).unwrap();
        for url in &urls {
            tab.open(url).unwrap();
            assert_eq!(tab.complaints(), [""; 0], "{url}");
            assert_ne!(text(&mut tab, "document.title"), "ran", "{url}");
            let elements =
                "document.querySelectorAll('img, svg svg, [onload], [onerror], main script').length";
            assert_eq!(number(&mut tab, elements), 0.0, "{url}");
            let wide = number(&mut tab, "document.scrollingElement.scrollWidth");
            assert!(wide <= f64::from(width), "{url} at {width} is {wide} wide");
        }
    }
    // Its own script runs, and finds names as what they are.
    let mut tab = browser.tab(1280, 800, false).unwrap();
    tab.open(&urls[0]).unwrap();
    tab.key("/").unwrap();
    tab.text("<script>").unwrap();
    assert_eq!(
        text(&mut tab, "document.getElementById('found').value"),
        "1 found"
    );
}

#[test]
fn the_picture_follows_pointer_and_keys() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    apply(dir, MESH);
    let server = Server::start(&dir.join("store"), &[]);
    let mut browser = browser(dir);
    let mut tab = browser.tab(1280, 800, false).unwrap();
    tab.open(&format!("{}/console/m/m", server.url())).unwrap();
    let home = seen(&mut tab);
    let picture = middle(&mut tab, "#picture");
    // A drag takes what is under the pointer with it, and opens nothing.
    let scale = number(
        &mut tab,
        "1 / document.getElementById('picture').getScreenCTM().a",
    );
    tab.drag(picture, (picture.0 + 90.0, picture.1 - 40.0)).unwrap();
    let moved = seen(&mut tab);
    assert!(
        (moved[0] - (home[0] - 90.0 * scale)).abs() < 1.0,
        "{home:?} {moved:?} {scale}"
    );
    assert!(
        (moved[1] - (home[1] + 40.0 * scale)).abs() < 1.0,
        "{home:?} {moved:?} {scale}"
    );
    assert!(tab.value("document.getElementById('details').hidden").unwrap() == true);
    tab.wheel(picture, 100.0, false).unwrap();
    assert!(seen(&mut tab)[1] > moved[1], "the wheel moves");
    // Zoom: the point under the pointer stays.
    let under = |tab: &mut Tab<'_>, (x, y): (f64, f64)| {
        let at = format!(
            "new DOMPoint({x}, {y}).matrixTransform(document.getElementById('picture').getScreenCTM().inverse())"
        );
        (number(tab, &format!("{at}.x")), number(tab, &format!("{at}.y")))
    };
    let before = (under(&mut tab, picture), seen(&mut tab));
    tab.wheel(picture, -100.0, true).unwrap();
    let after = (under(&mut tab, picture), seen(&mut tab));
    assert!(
        after.1[2] < before.1[2],
        "the wheel with control zooms: {before:?} {after:?}"
    );
    assert!((after.0.0 - before.0.0).abs() < 1.0 && (after.0.1 - before.0.1).abs() < 1.0);
    tab.key("0").unwrap();
    assert_eq!(seen(&mut tab), home);
    tab.key("+").unwrap();
    assert!(seen(&mut tab)[2] < home[2]);
    tab.key("-").unwrap();
    tab.key("ArrowRight").unwrap();
    assert!(seen(&mut tab)[0] > home[0]);
    // Search: the first hit comes into the middle with its details.
    tab.key("/").unwrap();
    tab.text("api.lo").unwrap();
    let found = "document.getElementById('found').value";
    assert!(text(&mut tab, found).ends_with(" found"));
    tab.key("Enter").unwrap();
    assert!(text(&mut tab, found).starts_with("1 of "));
    let what = "document.getElementById('what').textContent";
    assert_eq!(text(&mut tab, what), "virtual service api.local");
    let card = "document.querySelector('a.card.on').getBBox()";
    let centre = (
        number(&mut tab, &format!("{card}.x + {card}.width / 2")),
        seen(&mut tab),
    );
    assert!(
        (centre.0 - (centre.1[0] + centre.1[2] / 2.0)).abs() < 1.0,
        "{centre:?}"
    );
    tab.key("Escape").unwrap();
    assert_eq!(text(&mut tab, "document.getElementById('search').value"), "");
    // By keys alone: Tab comes to a card, Enter opens its details, and these lead to its page.
    tab_to(&mut tab, "a.card.service");
    tab.key("Enter").unwrap();
    assert_eq!(text(&mut tab, what), "virtual service api.local");
    let lists = text(&mut tab, "document.getElementById('lists').textContent");
    assert!(
        lists.contains("Called by") && lists.contains("virtual node web"),
        "{lists}"
    );
    tab.key("Escape").unwrap();
    assert!(tab.value("document.getElementById('details').hidden").unwrap() == true);
    let card = middle(&mut tab, "a.card.service .name");
    tab.drag(card, card).unwrap();
    let page = middle(&mut tab, "#lists a");
    tab.leave(|tab| tab.drag(page, page)).unwrap();
    assert!(text(&mut tab, "location.pathname").ends_with("/resources/virtualService/api.local"));
    assert_eq!(tab.complaints(), [""; 0]);
}

#[test]
fn all_of_it_by_the_keyboard_alone() {
    let directory = TempDir::new().unwrap();
    let dir = directory.path();
    meshform(dir, &["keys", "init", "--out", "master.key"]);
    let mut mesh: Vec<Json> = serde_json::from_str(MESH).unwrap();
    mesh.extend((0..9).map(|at| json!({"meshName": "m", "virtualNodeName": format!("n{at}"), "spec": {}})));
    apply(dir, &Json::from(mesh).to_string());
    let (id, secret) = key(dir, &["--owner", "team"]);
    let master = dir.join("master.key");
    let server = Server::start(
        &dir.join("store"),
        &["--master-key-file", master.to_str().unwrap()],
    );
    let mut browser = browser(dir);
    let mut tab = browser.tab(1280, 800, false).unwrap();
    tab.open(&format!("{}/console/", server.url())).unwrap();
    assert_eq!(text(&mut tab, "location.pathname"), "/console/login");
    let (id, secret) = (id.as_str(), secret.as_str());
    tab_to(&mut tab, "input[name=key]");
    tab.text(id).unwrap();
    tab_to(&mut tab, "input[name=secret]");
    tab.text(secret).unwrap();
    tab.leave(|tab| tab.key("Enter")).unwrap();
    // The first stop leads past the navigation.
    tab.key("Tab").unwrap();
    tab.key("Enter").unwrap();
    assert_eq!(text(&mut tab, "location.hash"), "#main");
    for (title, part) in [
        ("Proxies", "/proxies"),
        ("Releases", "/releases"),
        ("Resources", "/resources"),
        ("Route", "/route"),
        ("Certificates", "/certificates"),
        ("Mesh", "/m/m"),
    ] {
        let to = text(
            &mut tab,
            &format!(
                "[...document.querySelectorAll('nav a')].find(a => a.textContent === {title:?}).getAttribute('href')"
            ),
        );
        tab_to(&mut tab, &format!("nav a[href='{to}']"));
        tab.leave(|tab| tab.key("Enter")).unwrap();
        let at = text(&mut tab, "location.pathname");
        assert!(at.ends_with(part), "{title}: {at}");
        assert_eq!(
            text(
                &mut tab,
                "document.querySelector('nav [aria-current]').textContent"
            ),
            title
        );
    }
    let open =
        |tab: &mut Tab<'_>, path: &str| tab.open(&format!("{}/console/m/m{path}", server.url())).unwrap();
    // A long list is filtered, and a resource opened from it.
    open(&mut tab, "/resources");
    tab_to(&mut tab, ".filter input");
    tab.text("api.lo").unwrap();
    assert_eq!(
        number(
            &mut tab,
            "document.querySelectorAll('main tbody tr:not([hidden])').length"
        ),
        1.0
    );
    tab_to(&mut tab, "main tbody tr:not([hidden]) a");
    tab.leave(|tab| tab.key("Enter")).unwrap();
    assert_eq!(
        text(&mut tab, "document.querySelector('h1 bdi').textContent"),
        "api.local"
    );
    tab_to(&mut tab, "details.copy:not([open]) summary");
    tab.key("Enter").unwrap();
    assert!(tab.value("document.activeElement.parentElement.open").unwrap() == true);
    // A request is asked for.
    open(&mut tab, "/route");
    for (name, value) in [("node", "web"), ("host", "api.local:8080")] {
        tab_to(&mut tab, &format!("[name={name}]"));
        tab.text(value).unwrap();
    }
    tab.leave(|tab| tab.key("Enter")).unwrap();
    assert!(text(&mut tab, "document.querySelector('.outcome').textContent").contains("100.0 %"));
    // A release is pinned and let go.
    open(&mut tab, "/releases");
    tab_to(&mut tab, ".timeline button");
    tab.leave(|tab| tab.key("Enter")).unwrap();
    assert_eq!(
        number(&mut tab, "document.querySelectorAll('.badge.pinned').length"),
        1.0
    );
    tab_to(&mut tab, ".actions button");
    tab.leave(|tab| tab.key("Enter")).unwrap();
    assert_eq!(
        number(&mut tab, "document.querySelectorAll('.badge.pinned').length"),
        0.0
    );
    tab_to(&mut tab, ".who button");
    tab.leave(|tab| tab.key("Enter")).unwrap();
    assert_eq!(text(&mut tab, "location.pathname"), "/console/login");
    assert_eq!(tab.complaints(), [""; 0]);
}
